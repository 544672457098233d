"""Finding cards, looking at them, and what happened to them, by a real server (R30)."""

from datetime import timedelta
from functools import partial
from typing import Any, Final

import grpc
import pytest

from giftcard.v1 import gift_card_pb2
from giftcard.v1 import refund_service_pb2 as refund_pb
from giftcard.v1 import support_service_pb2 as pb
from giftcard_server.settings import Settings
from giftcard_storage.database import connect
from giftcard_storage.people import forget
from given.calls import sent
from given.calls.answered import refusal
from given.calls.desk import ANNA, Desk, by
from given.calls.shop import shop_at
from given.databases.kinds import Place
from given.servers.running import Clock, running, settings, target_of

MINUTE: Final = timedelta(minutes=1)
KEPT, ERASED = pb.PERSON_STATE_KEPT, pb.PERSON_STATE_ERASED
PURCHASER, RECIPIENT, CUSTOMER = (
    pb.PERSON_ROLE_PURCHASER,
    pb.PERSON_ROLE_RECIPIENT,
    pb.PERSON_ROLE_CUSTOMER,
)


def found(desk: Desk, **fields: Any) -> list[str]:
    return [card.card_id for card in desk.call(pb.FindCardsRequest(**fields)).cards]


def test_a_card_is_found_by_whatever_a_customer_or_a_bank_can_name(desk: Desk) -> None:
    purchase, wanted = sent.issue(), sent.order(50_00)
    issued = desk.call(purchase)
    desk.held(issued.code, wanted)
    named: tuple[dict[str, Any], ...] = (
        {"code": issued.code.lower().replace("-", " ")},
        {"card_id": issued.card.card_id.upper()},
        {"purchase_order_id": purchase.purchase.order_id},
        {"order_id": wanted.order_id},
        {"payment_reference": purchase.purchase.payment_reference},
    )
    for key in named:
        assert found(desk, **key) == [issued.card.card_id], key
        assert found(desk, **key, market="fr") == [issued.card.card_id]
        assert found(desk, **key, market="be") == []
    for key in named[2:]:  # Exact matches only.
        assert found(desk, **{name: text[:-1] for name, text in key.items()}) == []


def test_a_card_is_found_by_the_address_of_any_person_however_it_is_typed(desk: Desk) -> None:
    purchase = sent.issue()
    purchase.recipient.email = f"{sent.new_id()}@Exämple.com"
    card_id = desk.call(purchase).card.card_id
    typed = purchase.recipient.email.upper()
    for email in (typed, f" {typed.lower()} ", typed.replace("EXÄMPLE", "xn--exmple-cua")):
        assert found(desk, email=email) == [card_id], email
    assert found(desk, email=typed[1:]) == []


def test_cards_are_found_a_page_at_a_time_the_oldest_first(
    desk: Desk, standing_clock: Clock
) -> None:
    wanted = sent.order(50_00)
    cards = []
    for _ in range(3):
        issued = desk.bought()
        held = desk.held(issued.code, wanted)
        desk.call(sent.reverse(held.authorization_id))
        cards.append(issued.card.card_id)
        standing_clock.wait(MINUTE)
    pages: list[list[str]] = []
    token = ""
    while not pages or token:
        page = desk.call(
            pb.FindCardsRequest(order_id=wanted.order_id, page_size=2, page_token=token)
        )
        pages.append([card.card_id for card in page.cards])
        token = page.next_page_token
    assert pages == [cards[:2], cards[2:]]


def test_a_card_is_shown_with_its_chain_and_what_belongs_to_it(
    desk: Desk, standing_clock: Clock
) -> None:
    purchase = sent.issue()
    issued = desk.call(purchase)
    paid = desk.paid(issued.code, sent.order(50_00))
    back = desk.call(sent.reverse(paid.authorization_id)).replacement
    again = desk.paid(back.code)
    last = desk.call(sent.reverse(again.authorization_id)).replacement
    chain = [issued.card.card_id, back.card.card_id, last.card.card_id]
    for card_id in chain:
        shown = desk.shown(card_id)
        assert [card.card_id for card in shown.chain] == chain
        assert shown.card.card_id == card_id
    first, middle = desk.shown(chain[0]), desk.shown(chain[1])
    assert first.purchase == purchase.purchase
    assert not middle.HasField("purchase")
    assert [each.authorization_id for each in first.authorizations] == [paid.authorization_id]
    assert first.authorizations[0].refunded_amount.amount_minor == 50_00
    # As time has made it, without a booking.
    standing_clock.now = last.card.expire_time.ToDatetime(tzinfo=standing_clock.now.tzinfo)
    assert desk.shown(chain[2]).card.state == gift_card_pb2.CARD_STATE_EXPIRED


def test_people_are_opened_by_who_says_so_and_it_is_noted_before(
    desk: Desk, desks_settings: Settings
) -> None:
    issued = desk.bought()
    card_id = issued.card.card_id
    held = desk.held(issued.code)
    roles = [(CUSTOMER, held.authorization_id), (PURCHASER, ""), (RECIPIENT, "")]
    closed = desk.shown(card_id)
    assert [(each.role, each.authorization_id) for each in closed.people] == roles
    assert not any(each.HasField("contact") for each in closed.people)
    opened = desk.shown(card_id, open_people=True, **by(note="asks for her address"))
    assert [each.contact for each in opened.people] == [sent.SHOPPER, sent.BUYER, sent.FRIEND]
    assert {each.state for each in opened.people} == {KEPT}
    (read,) = (each for each in desk.timeline(card_id) if each.actor)
    assert read.kind == pb.TIMELINE_KIND_PERSON_READ
    assert (read.actor, read.ground, read.note) == (
        ANNA,
        pb.GROUND_CUSTOMER_REQUEST,
        "asks for her address",
    )
    connection = connect(desks_settings.database_url)
    forget(connection, card_id)
    connection.close()
    erased = desk.shown(card_id, open_people=True, **by())
    assert {each.state for each in erased.people} == {ERASED}
    assert not any(each.HasField("contact") for each in erased.people)


def live_through(desk: Desk, standing_clock: Clock, wanted: Any) -> tuple[str, str]:
    """Let much happen to a card; return its id and that of its replacement."""
    issued = desk.bought(70_00)
    card_id: str = issued.card.card_id

    def later(happened: Any) -> Any:
        standing_clock.wait(MINUTE)
        return happened

    hold = later(desk.held(issued.code, wanted))
    later(desk.call(sent.reverse(hold.authorization_id)))
    paid = later(desk.paid(issued.code, wanted))
    back = later(desk.call(sent.reverse(paid.authorization_id))).replacement
    desk.call(
        refund_pb.ConfirmRefundRequest(
            request_id=sent.new_id(),
            authorization_id=paid.authorization_id,
            amount=sent.euros(30_00),
            provider_reference="refund-1",
        )
    )
    standing_clock.wait(MINUTE)
    desk.block(card_id, note="reported")
    return card_id, back.card.card_id


def test_the_timeline_tells_everything_that_happened_in_its_order(
    desk: Desk, standing_clock: Clock
) -> None:
    wanted = sent.order(100_00)
    card_id, back_id = live_through(desk, standing_clock, wanted)
    entries = desk.timeline(card_id, page_size=2)
    told = [
        (
            pb.TimelineKind.Name(each.kind).removeprefix("TIMELINE_KIND_"),
            each.amount.amount_minor,
            each.order_id,
            each.related_card_id,
        )
        for each in entries
    ]
    order_id = wanted.order_id
    assert told == [
        ("ISSUE", 70_00, "", ""),
        ("AUTHORIZE", 70_00, order_id, ""),
        ("RELEASE", 70_00, order_id, ""),
        ("AUTHORIZE", 70_00, order_id, ""),
        ("CAPTURE", 70_00, order_id, ""),
        ("REFUND", 70_00, order_id, back_id),
        ("OTHER_TENDER_DUE", 30_00, order_id, ""),
        ("OTHER_TENDER_PAID", 30_00, order_id, ""),
        ("CARD_BLOCKED", 0, "", ""),
    ]
    ((kind, amount_minor, _, related),) = [
        (each.kind, each.amount.amount_minor, each.order_id, each.related_card_id)
        for each in desk.timeline(back_id)
    ]
    assert (kind, amount_minor, related) == (pb.TIMELINE_KIND_REFUND, 70_00, card_id)


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.FindCardsRequest(), "key"),
        (pb.FindCardsRequest(code=""), "code"),
        (pb.FindCardsRequest(order_id="o" * 65), "order_id"),
        (pb.FindCardsRequest(card_id="c", market="FR"), "market"),
        (pb.FindCardsRequest(card_id="c", page_size=-1), "page_size"),
        (pb.FindCardsRequest(card_id="c", page_token="made up"), "page_token"),
        (pb.FindCardsRequest(card_id="c", note="0000-0000-0000-0000"), "note"),
        (pb.GetCardRequest(), "card_id"),
        (pb.GetCardRequest(card_id="c", open_people=True, ground=pb.GROUND_FRAUD), "actor"),
        (pb.GetCardRequest(card_id="c", open_people=True, actor="anna"), "ground"),
        (pb.ListTimelineRequest(), "card_id"),
        (pb.ListTimelineRequest(card_id="c", page_token="made up"), "page_token"),
        (pb.ListProposalsRequest(page_token="made up"), "page_token"),
    ],
)
@pytest.mark.one_database
def test_a_malformed_question_names_its_field(desk: Desk, request_: Any, field: str) -> None:
    wrong = refusal(lambda: desk.call(request_))
    assert (wrong.status, wrong.fields) == (grpc.StatusCode.INVALID_ARGUMENT, (field,))


@pytest.mark.one_database
def test_a_card_that_does_not_exist_has_no_page(desk: Desk) -> None:
    for request in (pb.GetCardRequest(card_id="c"), pb.ListTimelineRequest(card_id="c")):
        assert refusal(partial(desk.call, request)).reason == "CARD_NOT_FOUND"
    assert refusal(lambda: desk.block("c")).reason == "CARD_NOT_FOUND"
    assert found(desk, card_id="c") == []


@pytest.mark.one_database
def test_unknown_codes_and_wrong_addresses_count_as_guesses(place: Place) -> None:
    clock = Clock()
    strict = settings(place, attempts_per_caller=4)
    with running(strict, clock) as service, shop_at(target_of(service)) as shop:
        desk = Desk(shop.channel)
        purchase = sent.issue()
        code = desk.call(purchase).code
        cancel = {
            "market": "fr",
            "purchase_order_id": purchase.purchase.order_id,
            **by(),
        }
        for _ in range(2):
            assert found(desk, code=sent.UNKNOWN_CODE) == []
            wrong = pb.CancelPurchaseRequest(
                request_id=sent.new_id(), purchaser_email="x@example.com", **cancel
            )
            assert refusal(partial(desk.call, wrong)).reason == "CARD_NOT_FOUND"
        right = pb.CancelPurchaseRequest(
            request_id=sent.new_id(), purchaser_email=purchase.purchaser.email, **cancel
        )
        for request in (right, pb.FindCardsRequest(code=code)):
            refused = refusal(partial(desk.call, request))
            assert refused.reason == "TOO_MANY_ATTEMPTS"
            assert refused.retry_after is not None
        assert found(desk, purchase_order_id=purchase.purchase.order_id)  # No guess.


@pytest.mark.one_database
def test_customer_service_is_not_served_off_loopback_without_certificates(place: Place) -> None:
    allowed = {
        "grpc_listen": "0.0.0.0:0",
        "allow_plaintext_grpc": True,
        "allow_unauthenticated_callers": True,
    }
    with (
        running(settings(place, **allowed), Clock()) as service,
        shop_at(target_of(service)) as shop,
    ):
        desk = Desk(shop.channel)
        card_id = desk.bought().card.card_id
        for ask in (partial(desk.shown, card_id), partial(desk.block, card_id)):
            assert refusal(ask).status is grpc.StatusCode.UNIMPLEMENTED
