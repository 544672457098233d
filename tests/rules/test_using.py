"""Paying with a card: what it pays, and what is lost (R1, R7, R13, R14, R16-R18)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from giftcard_rules.cards import AuthorizationState, Card, CardState
from giftcard_rules.commands import (
    Authorized,
    BlockCard,
    Declined,
    Reversed,
    ReverseOutcome,
)
from giftcard_rules.ledger import Posting, PostingKind
from giftcard_rules.questions import Validated
from giftcard_rules.reasons import Reason
from given.made_facts import Books, authorize, cancel, capture, euros, order, reverse, validate

MICROSECOND = timedelta(microseconds=1)

PHONE, COVER, DELIVERY = ("smartphone", 40_00), ("accessory", 10_00), ("delivery", 5_00)
INSURANCE, GIFT_CARD = ("insurance", 12_00), ("gift_card", 20_00)


@pytest.mark.parametrize(
    ("card_minor", "lines", "pays", "due", "lost"),
    [
        pytest.param(55_00, [PHONE, COVER, DELIVERY], 55_00, 0, 0, id="to the cent"),
        pytest.param(50_00, [PHONE, COVER, DELIVERY], 50_00, 5_00, 0, id="a part of it (R16)"),
        pytest.param(95_00, [PHONE, COVER, DELIVERY], 55_00, 0, 40_00, id="with a loss (R14)"),
        pytest.param(50_00, [INSURANCE, DELIVERY], 5_00, 12_00, 45_00, id="delivery only (R1)"),
        pytest.param(50_00, [PHONE, INSURANCE], 40_00, 12_00, 10_00, id="not the insurance (R1)"),
        pytest.param(20_00, [PHONE, INSURANCE], 20_00, 32_00, 0, id="less than is eligible"),
        pytest.param(50_00, [PHONE, ("gift", 0)], 40_00, 0, 10_00, id="a line for nothing"),
    ],
)
def test_r1_r14_r16_a_card_pays_the_eligible_amount_up_to_its_balance(
    card_minor: int, lines: list[tuple[str, int]], pays: int, due: int, lost: int
) -> None:
    books = Books()
    card = books.bought(card_minor)
    wanted = order(lines=lines)
    promised = books.decide(validate(card.card_id, wanted)).outcome
    assert promised == Validated(
        reason=None,
        card=card,
        currency="EUR",
        applicable_minor=pays,
        remaining_due_minor=due,
        forfeited_minor=lost,
    )
    hold = books.authorized(card, wanted)
    assert (hold.authorized_minor, hold.remaining_due_minor, hold.forfeited_minor) == (
        pays,
        due,
        lost,
    )
    assert hold.order_total_minor == wanted.total.amount_minor
    held = books.card(card)
    assert (held.state, held.balance_minor, held.held_minor) == (CardState.HELD, lost, pays)


@pytest.mark.parametrize(
    ("market", "currency", "lines", "discount_codes", "reason"),
    [
        ("be", "EUR", [PHONE], (), Reason.WRONG_MARKET),
        ("fr", "CHF", [PHONE], (), Reason.CURRENCY_MISMATCH),
        ("fr", "EUR", [PHONE], ("NOEL10",), Reason.ORDER_HAS_DISCOUNT),
        ("fr", "EUR", [PHONE, GIFT_CARD], (), Reason.ORDER_HAS_GIFT_CARD_LINE),
        ("fr", "EUR", [GIFT_CARD], (), Reason.ORDER_HAS_GIFT_CARD_LINE),
        ("fr", "EUR", [INSURANCE], (), Reason.NOTHING_ELIGIBLE),
        ("fr", "EUR", [INSURANCE, ("mobile_plan", 9_00)], (), Reason.NOTHING_ELIGIBLE),
        ("fr", "EUR", [("smartphone", 0)], (), Reason.NOTHING_ELIGIBLE),
    ],
)
def test_r1_r7_r17_r18_a_card_pays_nothing_of_such_an_order(
    market: str,
    currency: str,
    lines: list[tuple[str, int]],
    discount_codes: tuple[str, ...],
    reason: Reason,
) -> None:
    books = Books()
    card = books.bought()
    wanted = order(lines=lines, currency=currency, discount_codes=discount_codes)
    outcome = books.decide(validate(card.card_id, wanted, market=market)).outcome
    assert isinstance(outcome, Validated)
    assert outcome.reason is reason
    assert outcome.currency == currency
    assert (outcome.applicable_minor, outcome.remaining_due_minor, outcome.forfeited_minor) == (
        0,
        wanted.total.amount_minor,
        0,
    )
    declined = books.decide(authorize(card.card_id, wanted, market=market)).outcome
    assert isinstance(declined, Declined)
    assert declined.reason is reason
    assert books.card(card) == card


def test_r7_a_card_works_on_its_own_platform() -> None:
    books = Books()
    belgian = books.bought(market="be")
    assert books.authorized(belgian, order(), market="be").market == "be"


def test_r11_an_unknown_code_is_not_found() -> None:
    books = Books()
    outcome = books.decide(validate("no card", order(30_00))).outcome
    assert outcome == Validated(
        reason=Reason.CARD_NOT_FOUND,
        card=None,
        currency="EUR",
        applicable_minor=0,
        remaining_due_minor=30_00,
        forfeited_minor=0,
    )
    assert books.decide(authorize("no card", order())).outcome == Declined(Reason.CARD_NOT_FOUND)


def nothing(_books: Books, _card: Card) -> None:
    pass


def held(books: Books, card: Card) -> None:
    books.authorized(card, order())


def used(books: Books, card: Card) -> None:
    books.paid(card, order())


def cancelled(books: Books, card: Card) -> None:
    books.decide(cancel(card))


def blocked(books: Books, card: Card) -> None:
    books.decide(BlockCard(card.card_id))


def expired(books: Books, _card: Card) -> None:
    books.wait(timedelta(days=200))


WITHOUT_AN_ORDER: Final[tuple[tuple[str, Callable[[Books, Card], None], Reason | None], ...]] = (
    ("fr", nothing, None),
    ("be", nothing, Reason.WRONG_MARKET),
    ("fr", held, None),  # The order that holds it could still use it (R35).
    ("fr", used, Reason.CARD_REDEEMED),
    ("fr", cancelled, Reason.CARD_CANCELLED),
    ("fr", blocked, Reason.CARD_BLOCKED),
    ("fr", expired, Reason.CARD_EXPIRED),
)


@pytest.mark.parametrize(("market", "happens", "reason"), WITHOUT_AN_ORDER)
def test_without_an_order_a_card_tells_its_state_and_whether_some_order_could_use_it(
    market: str, happens: Callable[[Books, Card], None], reason: Reason | None
) -> None:
    books = Books()
    card = books.bought(50_00)
    happens(books, card)
    before = books.card(card)
    outcome = books.decide(validate(card.card_id, None, market=market)).outcome
    assert isinstance(outcome, Validated)
    assert outcome.card is not None
    assert outcome.card.card_id == card.card_id
    assert outcome == Validated(
        reason=reason,
        card=outcome.card,
        currency="EUR",
        applicable_minor=0,
        remaining_due_minor=0,
        forfeited_minor=0,
    )
    # An expiry is told although nobody has booked it yet.
    assert outcome.card == before or reason is Reason.CARD_EXPIRED
    assert (outcome.card.balance_minor > 0) == (outcome.card.state is CardState.ACTIVE)


def test_without_an_order_an_unknown_code_is_not_found() -> None:
    outcome = Books().decide(validate("no card", None)).outcome
    assert isinstance(outcome, Validated)
    assert (outcome.reason, outcome.card, outcome.currency) == (Reason.CARD_NOT_FOUND, None, "EUR")
    assert outcome.remaining_due_minor == 0


def test_a_card_is_found_under_any_key_of_the_ring() -> None:
    books = Books()
    card = books.bought()
    wish = authorize("id under the new key", order())
    found = replace(wish, card_ids=("id under the new key", card.card_id))
    assert isinstance(books.decide(found).outcome, Authorized)


def test_r13_an_order_takes_one_card_only() -> None:
    books = Books()
    first, second = books.bought(), books.bought()
    hold = books.authorized(first, order(80_00))
    other_card = Declined(Reason.ORDER_HAS_ANOTHER_CARD)
    assert books.decide(authorize(second.card_id, order(80_00))).outcome == other_card
    books.captured(hold)
    assert books.decide(authorize(second.card_id, order(80_00))).outcome == other_card
    assert books.authorized(second, order(80_00, order_id="order-2")).authorized_minor == 50_00


@pytest.mark.parametrize("how", ["released", "lapsed"])
def test_r13_an_order_may_take_another_card_once_the_first_is_free(how: str) -> None:
    books = Books()
    first, second = books.bought(), books.bought()
    hold = books.authorized(first, order())
    if how == "released":
        books.reversed(hold)
    else:
        books.now = hold.expires_at
    decision = books.decide(authorize(second.card_id, order()))
    assert isinstance(decision.outcome, Authorized)
    assert books.card(first).state is CardState.ACTIVE
    # The first command that sees a lapsed hold books the lapse, also on another card.
    lapses = [posting.card_id for posting in decision.postings if posting.kind is PostingKind.LAPSE]
    assert lapses == ([] if how == "released" else [first.card_id])


def test_r13_the_same_order_number_on_another_platform_is_another_order() -> None:
    books = Books()
    french, belgian = books.bought(), books.bought(market="be")
    books.authorized(french, order())
    books.authorized(belgian, order(), market="be")


def test_r14_the_rest_of_a_card_is_lost_at_capture_and_not_before() -> None:
    books = Books()
    card = books.bought(50_00)
    hold = books.authorized(card, order(30_00))
    assert books.card(card).balance_minor == 20_00
    decision = books.decide(capture(hold.authorization_id))
    card_id, authorization_id = card.card_id, hold.authorization_id
    assert decision.postings == (
        Posting(PostingKind.CAPTURE, card_id, 30_00, authorization_id),
        Posting(PostingKind.FORFEIT, card_id, 20_00, authorization_id),
    )
    used = books.card(card)
    assert (used.state, used.balance_minor, used.held_minor) == (CardState.REDEEMED, 0, 0)
    assert used.hold_id is None
    assert books.facts.authorizations[authorization_id].forfeited_minor == 20_00


def test_r14_a_card_is_used_once() -> None:
    books = Books()
    card = books.bought()
    hold = books.authorized(card, order(30_00))
    books.captured(hold)
    again = books.decide(authorize(card.card_id, order(10_00, order_id="order-2"))).outcome
    assert again == Declined(Reason.CARD_REDEEMED)
    twice = books.decide(capture(hold.authorization_id)).outcome
    assert isinstance(twice, Declined)
    assert twice.reason is Reason.AUTHORIZATION_CAPTURED


def test_r14_a_card_whose_hold_is_released_was_not_used() -> None:
    books = Books()
    card = books.bought()
    hold = books.authorized(card, order(30_00))
    decision = books.decide(reverse(hold.authorization_id))
    assert decision.postings == (
        Posting(PostingKind.RELEASE, card.card_id, 30_00, hold.authorization_id),
    )
    outcome = decision.outcome
    assert isinstance(outcome, Reversed)
    assert outcome.outcome is ReverseOutcome.RELEASED
    assert (outcome.gift_card_minor, outcome.other_tender_minor) == (0, 0)
    assert outcome.authorization is not None
    assert outcome.authorization.state is AuthorizationState.RELEASED
    free = books.card(card)
    assert (free.state, free.balance_minor, free.hold_id) == (CardState.ACTIVE, 50_00, None)


@pytest.mark.parametrize(
    ("amount_minor", "currency", "reason"),
    [
        (30_01, "EUR", Reason.AMOUNT_EXCEEDS_AUTHORIZED),
        (30_00, "CHF", Reason.CURRENCY_MISMATCH),
        (30_00, "EUR", None),
    ],
)
def test_a_capture_takes_at_most_what_was_set_aside(
    amount_minor: int, currency: str, reason: Reason | None
) -> None:
    books = Books()
    hold = books.authorized(books.bought(50_00), order(30_00))
    wish = capture(hold.authorization_id, amount=euros(amount_minor)._replace(currency=currency))
    outcome = books.decide(wish).outcome
    assert (outcome.reason if isinstance(outcome, Declined) else None) is reason
