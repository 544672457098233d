"""Which messages there are about a card, to whom, when, and what holds them back."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from giftcard_rules.cards import Card, CardState
from giftcard_rules.decisions import PersonRole
from giftcard_rules.deliveries import (
    FOLLOWED,
    LONGEST_PAUSE,
    RECALLED_BY,
    TRIED_FOR,
    DeliveryKind,
    Suppressed,
    addressees_of,
    deliveries_of_event,
    next_try,
    why_suppressed,
)
from giftcard_rules.events import EventType
from given.made_facts import FRANCE, NOW, Books, order

REMINDING = replace(FRANCE, reminder_days=30)
TOMORROW = date(2026, 9, 15)
IN_THE_MORNING = datetime(2026, 9, 15, 6, 0, tzinfo=UTC)  # 8:00 in Paris.
# Bought on 14 September 2026, so that 14 March 2027 is the last day; winter time by then.
A_MONTH_BEFORE = datetime(2027, 2, 12, 7, 0, tzinfo=UTC)


def bought() -> Card:
    return Books().bought()


def replaced() -> tuple[Card, Card]:
    """Return a replacement and the card that it replaces."""
    books = Books()
    paid = books.paid(books.bought(), order(50_00))
    back = books.reversed(paid).replacement
    assert back is not None
    return back, books.facts.cards[paid.card_id]


@pytest.mark.parametrize(
    ("type_", "market", "deliver_on", "made"),
    [
        (EventType.CARD_ISSUED, FRANCE, None, {"card": NOW, "confirmation": NOW}),
        (
            EventType.CARD_ISSUED,
            FRANCE,
            TOMORROW,
            {"card": IN_THE_MORNING, "confirmation": NOW},
        ),
        # The morning of today is over, so that it goes out at once.
        (EventType.CARD_ISSUED, FRANCE, NOW.date(), {"card": NOW, "confirmation": NOW}),
        (
            EventType.CARD_ISSUED,
            REMINDING,
            None,
            {"card": NOW, "confirmation": NOW, "reminder": A_MONTH_BEFORE},
        ),
        # A card that is sent after the day of its reminder has none.
        (
            EventType.CARD_ISSUED,
            REMINDING,
            date(2027, 3, 1),
            {"card": datetime(2027, 3, 1, 7, 0, tzinfo=UTC), "confirmation": NOW},
        ),
        (EventType.CARD_CANCELLED, REMINDING, None, {"cancellation": NOW}),
        *((each, REMINDING, None, {}) for each in sorted(
            set(EventType) - {EventType.CARD_ISSUED, EventType.CARD_CANCELLED}, key=str
        )),
    ],
)  # fmt: skip
def test_r8_r9_r12_r25_an_event_of_a_bought_card_makes_these_messages(
    type_: EventType, market: object, deliver_on: date | None, made: dict[str, datetime]
) -> None:
    card = bought()
    deliveries = deliveries_of_event(type_, card, market, NOW, deliver_on)  # type: ignore[arg-type] # They are markets.
    assert {each.kind.value: each.due_at for each in deliveries} == made
    assert all(each.card_id == card.card_id for each in deliveries)
    assert not made or type_ in FOLLOWED


def test_r23_r27_a_replacement_is_one_message() -> None:
    back, _ = replaced()
    (made,) = deliveries_of_event(EventType.CARD_ISSUED, back, FRANCE, NOW)
    assert made.kind is DeliveryKind.REPLACEMENT


def test_r8_r9_r23_who_gets_it_is_chosen_in_this_order() -> None:
    back, old = replaced()
    roles = PersonRole
    paid_for = back.authorization_id
    assert [tuple(each) for each in addressees_of(DeliveryKind.REPLACEMENT, back, (old,))] == [
        (back.card_id, roles.RECIPIENT, None),
        (old.card_id, roles.CUSTOMER, paid_for),
        (old.card_id, roles.RECIPIENT, None),
        (old.card_id, roles.PURCHASER, None),
    ]
    for kind in (DeliveryKind.CARD, DeliveryKind.REMINDER):
        assert [each.role for each in addressees_of(kind, old, ())] == [
            roles.RECIPIENT,
            roles.PURCHASER,
        ]
    for kind in (DeliveryKind.CONFIRMATION, DeliveryKind.CANCELLATION, DeliveryKind.CORRECTION):
        assert [each.role for each in addressees_of(kind, old, ())] == [roles.PURCHASER]


WITH_VALUE = (DeliveryKind.CARD, DeliveryKind.REPLACEMENT, DeliveryKind.REMINDER)


@pytest.mark.parametrize(
    ("changes", "after", "of_value", "of_purchase"),
    [
        ({}, timedelta(0), None, None),
        ({"state": CardState.HELD}, timedelta(0), None, None),
        ({"blocked": True}, timedelta(0), Suppressed.BLOCKED, None),
        ({"state": CardState.REDEEMED}, timedelta(0), Suppressed.USED, None),
        ({"state": CardState.EXPIRED}, timedelta(0), Suppressed.EXPIRED, None),
        ({}, timedelta(days=365), Suppressed.EXPIRED, None),
        ({"blocked": True}, timedelta(days=365), Suppressed.EXPIRED, None),
        (
            {"state": CardState.CANCELLED, "blocked": True},
            timedelta(0),
            Suppressed.CANCELLED,
            Suppressed.CANCELLED,
        ),
    ],
)
def test_a_card_that_cannot_be_used_holds_back_what_is_about_its_value(
    changes: dict[str, Any],
    after: timedelta,
    of_value: Suppressed | None,
    of_purchase: Suppressed | None,
) -> None:
    card = bought()._replace(**changes)
    for kind in WITH_VALUE:
        assert why_suppressed(kind, card, NOW + after) is of_value
    assert why_suppressed(DeliveryKind.CONFIRMATION, card, NOW + after) is of_purchase
    for kind in (DeliveryKind.CANCELLATION, DeliveryKind.CORRECTION):
        assert why_suppressed(kind, card, NOW + after) is None


def test_what_may_be_undone_is_recalled_by_the_event_that_undoes_it() -> None:
    assert set(RECALLED_BY.values()) == {Suppressed.BLOCKED, Suppressed.EXPIRED}
    assert set(RECALLED_BY) < FOLLOWED


@pytest.mark.parametrize(
    ("tries", "chance", "pause"),
    [
        (1, 0.5, timedelta(minutes=1)),
        (1, 0.0, timedelta(seconds=30)),
        (1, 1.0, timedelta(seconds=90)),
        (2, 0.5, timedelta(minutes=2)),
        (5, 0.5, timedelta(minutes=16)),
        (9, 0.5, LONGEST_PAUSE),
        (500, 0.5, LONGEST_PAUSE),
    ],
)
def test_pauses_get_twice_as_long_and_are_spread(
    tries: int, chance: float, pause: timedelta
) -> None:
    assert next_try(tries, NOW, NOW, chance) == NOW + pause


@pytest.mark.parametrize(
    ("since_first", "again_after"),
    [
        (TRIED_FOR - timedelta(hours=1), timedelta(hours=1)),  # The last try.
        (TRIED_FOR, None),
        (TRIED_FOR + timedelta(days=1), None),
    ],
)
def test_the_last_try_is_three_days_after_the_first(
    since_first: timedelta, again_after: timedelta | None
) -> None:
    now = NOW + since_first
    again = None if again_after is None else now + again_after
    assert next_try(40, NOW, now, 0.5) == again
