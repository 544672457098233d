"""Each decision tells what it did, in order: by tables from acts to events."""

from datetime import timedelta
from typing import Any

import pytest

from giftcard_rules.cards import CardState
from giftcard_rules.commands import CatchUp, PaymentMethod
from giftcard_rules.decide import decide
from giftcard_rules.events import EVENT_OF, STATE_AFTER, Event, EventType, event_id, events_of
from giftcard_rules.ledger import PostingKind
from giftcard_rules.operator_commands import Reinstate
from given import told_acts
from given.made_facts import Books, cancel, capture, issue, order, reverse
from given.told_acts import Act, held

ACTIVE, HELD, REDEEMED = CardState.ACTIVE, CardState.HELD, CardState.REDEEMED
CANCELLED, EXPIRED, BLOCKED = CardState.CANCELLED, CardState.EXPIRED, CardState.BLOCKED
TYPE = EventType
WHOLE_VALIDITY = timedelta(days=300)

# What an event tells beside its card and its place, without what does not apply.
Told = tuple[EventType, CardState, dict[str, Any]]


def told(events: tuple[Event, ...]) -> list[Told]:
    names = ("amount_minor", "other_tender_minor", "forfeited_minor", "restored_minor")
    return [
        (
            event.type,
            event.card_state,
            {
                name: value
                for name in (*names, "order_id", "payment_method")
                if (value := getattr(event, name)) is not None
            },
        )
        for event in events
    ]


def amounts(amount: int, **others: Any) -> dict[str, Any]:
    return {"amount_minor": amount} | others


OF_ORDER = {"order_id": "order-1"}
OF_PURCHASE = {"payment_method": PaymentMethod.BANK_CARD}


@pytest.mark.parametrize(
    ("act", "events"),
    [
        (told_acts.sell, [(TYPE.CARD_ISSUED, ACTIVE, amounts(50_00, **OF_PURCHASE))]),
        (told_acts.set_aside, [(TYPE.CARD_HELD, HELD, amounts(40_00, **OF_ORDER))]),
        (
            told_acts.set_aside_again,
            [
                (TYPE.CARD_RELEASED, ACTIVE, amounts(50_00, **OF_ORDER)),
                (TYPE.CARD_HELD, HELD, amounts(30_00, **OF_ORDER)),
            ],
        ),
        (told_acts.hold_longer, []),
        (
            told_acts.capture_all,
            [
                (
                    TYPE.CARD_REDEEMED,
                    REDEEMED,
                    amounts(50_00, other_tender_minor=20_00, forfeited_minor=0, **OF_ORDER),
                )
            ],
        ),
        (
            told_acts.capture_less,
            [
                (
                    TYPE.CARD_REDEEMED,
                    REDEEMED,
                    amounts(25_00, other_tender_minor=0, forfeited_minor=10_00, **OF_ORDER),
                ),
                (TYPE.CARD_ISSUED, ACTIVE, amounts(15_00, **OF_ORDER)),
            ],
        ),
        (
            told_acts.capture_beside_another_tender,
            [
                (
                    TYPE.CARD_REDEEMED,
                    REDEEMED,
                    amounts(50_00, other_tender_minor=5_00, forfeited_minor=0, **OF_ORDER),
                )
            ],
        ),
        (told_acts.release, [(TYPE.CARD_RELEASED, ACTIVE, amounts(50_00, **OF_ORDER))]),
        (
            told_acts.release_after_expiry,
            [
                (TYPE.CARD_RELEASED, ACTIVE, amounts(50_00, **OF_ORDER)),
                (TYPE.CARD_EXPIRED, EXPIRED, amounts(50_00)),
            ],
        ),
        (
            told_acts.lapse_then_pay_another,
            [
                (TYPE.HOLD_LAPSED, ACTIVE, amounts(50_00, **OF_ORDER)),
                (TYPE.CARD_HELD, HELD, amounts(20_00, order_id="order-2")),
            ],
        ),
        (
            told_acts.lapse_and_expire,
            [
                (TYPE.HOLD_LAPSED, ACTIVE, amounts(50_00, **OF_ORDER)),
                (TYPE.CARD_EXPIRED, EXPIRED, amounts(50_00)),
            ],
        ),
        (told_acts.decline_after_expiry, [(TYPE.CARD_EXPIRED, EXPIRED, amounts(50_00))]),
        (
            told_acts.refund_a_part,
            [
                (
                    TYPE.ORDER_REFUNDED,
                    REDEEMED,
                    amounts(50_00, other_tender_minor=10_00, restored_minor=0, **OF_ORDER),
                ),
                (TYPE.CARD_ISSUED, ACTIVE, amounts(50_00, **OF_ORDER)),
            ],
        ),
        (
            told_acts.refund_other_tenders_alone,
            [
                (
                    TYPE.ORDER_REFUNDED,
                    REDEEMED,
                    amounts(0, other_tender_minor=20_00, restored_minor=0, **OF_ORDER),
                )
            ],
        ),
        (
            told_acts.refund_and_restore,
            [
                (
                    TYPE.ORDER_REFUNDED,
                    REDEEMED,
                    amounts(40_00, other_tender_minor=0, restored_minor=10_00, **OF_ORDER),
                ),
                (TYPE.CARD_ISSUED, ACTIVE, amounts(50_00, **OF_ORDER)),
            ],
        ),
        (
            told_acts.cancel_the_purchase,
            [(TYPE.CARD_CANCELLED, CANCELLED, amounts(50_00, **OF_PURCHASE))],
        ),
        (
            told_acts.confirm_a_cancelled_purchase,
            [(TYPE.REFUND_PAID, CANCELLED, amounts(20_00, **OF_PURCHASE))],
        ),
        (
            told_acts.confirm_other_tenders,
            [(TYPE.REFUND_PAID, REDEEMED, amounts(5_00, **OF_ORDER))],
        ),
        (told_acts.block, [(TYPE.CARD_BLOCKED, BLOCKED, {})]),
        (
            told_acts.block_after_a_lapse,
            [
                (TYPE.HOLD_LAPSED, ACTIVE, amounts(50_00, **OF_ORDER)),
                (TYPE.CARD_BLOCKED, BLOCKED, {}),
            ],
        ),
        (told_acts.block_what_is_used, [(TYPE.CARD_BLOCKED, REDEEMED, {})]),
        (told_acts.block_twice, []),
        (told_acts.unblock, [(TYPE.CARD_UNBLOCKED, ACTIVE, {})]),
        (
            told_acts.unblock_what_expired_meanwhile,
            [
                (TYPE.CARD_EXPIRED, EXPIRED, amounts(50_00)),
                (TYPE.CARD_REINSTATED, BLOCKED, amounts(50_00)),
                (TYPE.CARD_UNBLOCKED, ACTIVE, {}),
            ],
        ),
        (
            told_acts.write_off_what_is_held,
            [
                (TYPE.CARD_RELEASED, BLOCKED, amounts(30_00, **OF_ORDER)),
                (TYPE.CARD_WRITTEN_OFF, CANCELLED, amounts(50_00)),
            ],
        ),
        (
            told_acts.refund_what_is_blocked,
            [
                (
                    TYPE.ORDER_REFUNDED,
                    REDEEMED,
                    amounts(50_00, other_tender_minor=0, restored_minor=0, **OF_ORDER),
                ),
                (TYPE.CARD_ISSUED, BLOCKED, amounts(50_00, **OF_ORDER)),
            ],
        ),
    ],
)
def test_a_decision_tells_what_it_did(act: Act, events: list[Told]) -> None:
    books = Books()
    command = act(books)
    assert told(events_of(books.decide(command))) == events


def test_a_clock_that_was_wrong_is_told_as_undone() -> None:
    books = Books()
    card, hold = held(books)
    before = books.now
    books.now = before + WHOLE_VALIDITY
    books.decide(CatchUp(card.card_id))
    undo = Reinstate(card_id=card.card_id, lapsed_id=hold.authorization_id, order_id=hold.order_id)
    decision = decide(undo, books.facts, books.markets, before)
    assert told(events_of(decision)) == [
        (TYPE.CARD_REINSTATED, ACTIVE, amounts(50_00)),
        (TYPE.HOLD_REINSTATED, HELD, amounts(50_00, **OF_ORDER)),
    ]


def test_an_event_names_its_purchase_its_order_and_the_card_that_it_relates_to() -> None:
    books = Books()
    sold = books.decide(issue(50_00, order_id="purchase-1", payment_reference="payment-1"))
    (issued,) = events_of(sold)
    assert (issued.purchase_order_id, issued.payment_reference) == ("purchase-1", "payment-1")
    card = books.facts.cards[issued.card_id]
    hold = books.authorized(card, order(40_00))
    paid, back = events_of(books.decide(capture(hold.authorization_id, 25_00)))
    assert (paid.card_id, paid.related_card_id) == (card.card_id, back.card_id)
    assert (back.related_card_id, back.authorization_id) == (card.card_id, hold.authorization_id)
    assert (back.purchase_order_id, back.payment_reference) == (None, None)
    refund, again = events_of(books.decide(reverse(hold.authorization_id, 10_00)))
    assert (refund.card_id, refund.related_card_id) == (card.card_id, again.card_id)
    assert refund.authorization_id == hold.authorization_id
    decision = books.decide(cancel(books.bought(order_id="purchase-2", payment_reference="p")))
    (cancelled,) = events_of(decision)
    assert (cancelled.purchase_order_id, cancelled.payment_reference) == ("purchase-2", "p")


def test_the_key_of_an_event_is_the_cards_version_after_the_decision_and_its_place() -> None:
    books = Books()
    command = told_acts.set_aside_again(books)
    events = events_of(books.decide(command))
    version = books.facts.cards[events[0].card_id].version
    assert [(event.version, event.ordinal) for event in events] == [(version, 0), (version, 1)]
    assert event_id(*events[1][:3]) == f"{events[0].card_id}-{version}-1"


def test_each_kind_of_posting_is_told_by_an_event_and_each_event_has_a_state() -> None:
    assert set(EVENT_OF) == set(PostingKind)
    acts = {TYPE.CARD_BLOCKED, TYPE.CARD_UNBLOCKED}
    assert set(EVENT_OF.values()) | acts == set(EventType)
    assert set(STATE_AFTER) | acts | {TYPE.REFUND_PAID} == set(EventType)
