"""Looking at authorizations, holding longer and previews, by the client at the real server."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from giftcard.v1 import authorization_service_pb2
from giftcard_client import (
    Authorization,
    AuthorizationState,
    CardOrigin,
    Declined,
    GiftCards,
    InvalidRequest,
    Money,
    Order,
    Reason,
    ReverseOutcome,
    ReversePreview,
    ReverseReason,
    ShownAuthorization,
)
from giftcard_client.shown_authorizations import read_preview
from given.checkout.shopping import SHOPPER, Buy, order, session

DAY = timedelta(days=1)


def held(cards: GiftCards, code: str, basket: Order, **options: str) -> Authorization:
    """Set money aside on a card for an order."""
    return cards.authorize(
        code,
        market="fr",
        order=basket,
        customer=SHOPPER,
        attempt_key=session(),
        request_id=options.get("request_id"),
    ).authorization


def test_a_lost_authorize_is_found_by_its_request_id(cards: GiftCards, buy: Buy) -> None:
    request_id = str(uuid4())
    hold = held(cards, buy(5000).code, order(6000), request_id=request_id)
    assert cards.authorization(authorize_request_id=request_id) == ShownAuthorization(hold, ())
    assert cards.authorization(hold.authorization_id) == ShownAuthorization(hold, ())


def test_what_came_out_of_an_authorization_is_shown_without_codes(
    cards: GiftCards, buy: Buy
) -> None:
    hold = held(cards, buy(5000).code, order(5000))
    cards.capture(hold.authorization_id, Money(4000))
    back = cards.reverse(hold.authorization_id, reason=ReverseReason.DEFECTIVE)
    shown = cards.authorization(hold.authorization_id)
    assert shown.authorization == back.authorization
    assert [card.initial_amount for card in shown.replacements] == [Money(1000), Money(4000)]
    assert {card.origin for card in shown.replacements} == {CardOrigin.REFUND}


def test_all_authorizations_of_an_order_are_shown_over_several_pages(
    cards: GiftCards, buy: Buy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("giftcard_client.authorization_calls.PAGE_SIZE", 2)
    code, basket = buy(5000).code, order(5000)
    ids = [held(cards, code, basket).authorization_id for _ in range(5)]
    shown = cards.authorizations("fr", basket.order_id).authorizations
    assert [each.authorization_id for each in shown] == ids
    released, is_open = AuthorizationState.RELEASED, AuthorizationState.OPEN
    assert [each.state for each in shown] == [released] * 4 + [is_open]
    assert cards.authorizations("fr", f"order-{uuid4()}").authorizations == ()


def test_a_hold_is_extended_and_the_same_request_gets_the_same_answer(
    cards: GiftCards, buy: Buy
) -> None:
    hold = held(cards, buy(5000).code, order(5000))
    request_id = uuid4()
    first = cards.extend(hold.authorization_id, 3 * DAY, request_id)
    assert first.authorization.expire_time > hold.expire_time + DAY
    again = cards.extend(hold.authorization_id, 3 * DAY, request_id)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.authorization == again.authorization
    longest = cards.extend(hold.authorization_id, 365 * DAY).authorization
    assert longest.expire_time == hold.create_time + 7 * DAY


def test_an_authorization_that_is_not_there_is_declined(cards: GiftCards) -> None:
    for call in (
        lambda: cards.authorization("unknown"),
        lambda: cards.authorization(authorize_request_id=uuid4()),
        lambda: cards.extend("unknown", DAY),
    ):
        with pytest.raises(Declined) as declined:
            call()
        assert declined.value.reason is Reason.AUTHORIZATION_NOT_FOUND


def test_an_extension_by_nothing_is_malformed(cards: GiftCards) -> None:
    with pytest.raises(InvalidRequest):
        cards.extend("unknown", timedelta(0))


def test_exactly_one_name_is_given(cards: GiftCards) -> None:
    with pytest.raises(TypeError, match="either"):
        cards.authorization()
    with pytest.raises(TypeError, match="either"):
        cards.preview_reverse(
            "1", authorize_request_id=uuid4(), reason=ReverseReason.CHANGE_OF_MIND
        )


def test_a_preview_says_what_reverse_then_answers(cards: GiftCards, buy: Buy) -> None:
    hold = held(cards, buy(5000).code, order(6000))
    cards.capture(hold.authorization_id)
    today = datetime.now(UTC).date()
    preview = cards.preview_reverse(
        hold.authorization_id,
        reason=ReverseReason.CHANGE_OF_MIND,
        delivered_on=today,
        refund_amount=Money(5500),
    )
    assert (preview.outcome, preview.reason) == (ReverseOutcome.REFUNDED, None)
    assert preview.deadline is not None
    assert preview.deadline.date() >= today + 30 * DAY
    back = cards.reverse(
        hold.authorization_id,
        reason=ReverseReason.CHANGE_OF_MIND,
        delivered_on=today,
        refund_amount=Money(5500),
    )
    assert preview.gift_card_amount == back.gift_card_amount == Money(5000)
    assert preview.other_tender_amount == back.other_tender_amount == Money(500)
    assert preview.restored_amount == Money(0)


def test_a_preview_of_what_would_be_declined_says_why_and_nothing_else(
    cards: GiftCards, buy: Buy
) -> None:
    hold = held(cards, buy(5000).code, order(5000))
    cards.capture(hold.authorization_id)
    preview = cards.preview_reverse(
        hold.authorization_id,
        reason=ReverseReason.CHANGE_OF_MIND,
        delivered_on=date(2020, 1, 1),
    )
    assert preview == ReversePreview(None, Reason.RETURN_WINDOW_CLOSED, None, None, None, None)


def test_a_preview_of_what_never_arrived_has_no_amounts_and_prevents_nothing(
    cards: GiftCards, buy: Buy
) -> None:
    request_id = str(uuid4())
    preview = cards.preview_reverse(authorize_request_id=request_id, reason=ReverseReason.TECHNICAL)
    assert preview == ReversePreview(ReverseOutcome.PREVENTED, None, None, None, None, None)
    assert held(cards, buy(5000).code, order(5000), request_id=request_id).authorization_id


def test_a_reason_that_only_a_newer_server_knows_is_no_outcome() -> None:
    preview = read_preview(authorization_service_pb2.PreviewReverseResponse(reason=9999))  # type: ignore[arg-type] # A newer word.
    assert (preview.outcome, preview.reason) == (None, Reason.UNRECOGNIZED)
