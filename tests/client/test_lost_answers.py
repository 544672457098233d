"""Lost answers at the real server: the call is repeated, or reversed by request id (R36)."""

import threading
from collections.abc import Callable
from uuid import uuid4

import pytest

from conftest import StartServer
from giftcard_client import (
    Declined,
    GiftCards,
    Issued,
    Money,
    OutcomeUnknown,
    Purchase,
    Reason,
    ReverseOutcome,
    ReverseReason,
)
from given.checkout.faulty_gateway import FaultyGateway, hang_after, hang_before, lose_answer
from given.checkout.shopping import BUYER, SHOPPER, Buy, order, session


@pytest.mark.parametrize("lost", [lose_answer, hang_after], ids=["line broke", "silence"])
def test_a_call_whose_answer_was_lost_is_repeated(
    gateway: FaultyGateway, lossy_cards: GiftCards, buy: Buy, lost: Callable[..., bytes]
) -> None:
    code, basket, request_id = buy(5000).code, order(5000), str(uuid4())
    attempt_key = session()
    gateway.next("Authorize", lost)

    def authorize(timeout_seconds: float) -> bool:
        return lossy_cards.authorize(
            code,
            market="fr",
            order=basket,
            customer=SHOPPER,
            attempt_key=attempt_key,
            request_id=request_id,
            timeout_seconds=timeout_seconds,
        ).replayed

    if lost is hang_after:
        with pytest.raises(OutcomeUnknown) as caught:
            authorize(1.0)
        assert caught.value.request_id == request_id
    assert authorize(20.0)


@pytest.mark.parametrize(
    ("lost", "outcome"),
    [(hang_after, ReverseOutcome.RELEASED), (hang_before, ReverseOutcome.PREVENTED)],
    ids=["answer lost", "request lost"],
)
def test_an_authorize_without_an_answer_is_reversed_by_its_request_id(
    gateway: FaultyGateway,
    lossy_cards: GiftCards,
    cards: GiftCards,
    buy: Buy,
    lost: Callable[..., bytes],
    outcome: ReverseOutcome,
) -> None:
    # R36
    code = buy(5000).code
    gateway.next("Authorize", lost)
    with pytest.raises(OutcomeUnknown) as caught:
        lossy_cards.authorize(
            code,
            market="fr",
            order=order(5000),
            customer=SHOPPER,
            attempt_key=session(),
            timeout_seconds=1.0,
        )
    undone = cards.reverse(
        authorize_request_id=caught.value.request_id, reason=ReverseReason.TECHNICAL
    )
    assert undone.outcome is outcome
    assert (undone.authorization is None) == (outcome is ReverseOutcome.PREVENTED)
    assert cards.validate(code, market="fr", order=order(5000), attempt_key=session()).usable


def test_an_authorize_that_arrives_after_its_reverse_is_prevented_at_once(
    gateway: FaultyGateway, lossy_cards: GiftCards, cards: GiftCards, buy: Buy
) -> None:
    # R36; four more tries would be declined and counted as well.
    request_id = str(uuid4())
    cards.reverse(authorize_request_id=request_id, reason=ReverseReason.TECHNICAL)
    with pytest.raises(Declined) as caught:
        lossy_cards.authorize(
            buy(5000).code,
            market="fr",
            order=order(5000),
            customer=SHOPPER,
            attempt_key=session(),
            request_id=request_id,
        )
    assert caught.value.reason is Reason.REQUEST_PREVENTED
    assert len(gateway.calls("Authorize")) == 1


def test_retries_reach_a_server_that_is_killed_and_restarted(
    start_server: StartServer,
) -> None:
    server = start_server()
    with GiftCards(server.target, timeout_seconds=30) as cards:
        order_ids = [f"p-{number}" for number in range(200)]
        issued: list[Issued] = []

        def buy_all() -> None:
            issued.extend(
                again_until_known(cards, Purchase(order_id, order_id)) for order_id in order_ids
            )

        buying = threading.Thread(target=buy_all)
        buying.start()
        server.kill()
        server.restart()
        buying.join()
        assert len({each.card.card_id for each in issued}) == len(order_ids)


def again_until_known(cards: GiftCards, purchase: Purchase) -> Issued:
    """Repeat a purchase under one request id until an answer comes, as a careful caller does."""
    request_id = uuid4()
    while True:
        try:
            return cards.issue(
                market="fr",
                amount=Money(5000),
                purchase=purchase,
                purchaser=BUYER,
                request_id=request_id,
            )
        except OutcomeUnknown:
            continue
