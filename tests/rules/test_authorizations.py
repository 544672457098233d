"""Looking at authorizations, holding longer, and previews of a Reverse (R21, R34-R37, R39)."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from giftcard_rules.authorization_calls import (
    Extended,
    GetAuthorization,
    ListAuthorizations,
    PreviewReverse,
    Shown,
)
from giftcard_rules.cards import Authorization, AuthorizationState, Card, CardState
from giftcard_rules.commands import (
    BlockCard,
    Declined,
    Reversed,
    ReverseOutcome,
    ReverseReason,
)
from giftcard_rules.decide import decide
from giftcard_rules.decisions import Decision
from giftcard_rules.ledger import PostingKind
from giftcard_rules.reasons import Reason
from given.made_facts import (
    FRANCE,
    MARKETS,
    NOW,
    Books,
    authorize,
    capture,
    extend,
    order,
    request_key,
    reverse,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONGEST = FRANCE.longest_hold
MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("held_for", "after", "hold_for", "ends_after"),
    [
        (DAY, HOUR, 2 * DAY, HOUR + 2 * DAY),
        (DAY, HOUR, LONGEST, LONGEST),
        (DAY, HOUR, 365 * DAY, LONGEST),
        (DAY, DAY - MICROSECOND, MICROSECOND, DAY),
        (2 * DAY, HOUR, HOUR, 2 * DAY),  # It never gets shorter.
        (LONGEST, HOUR, DAY, LONGEST),
        (LONGEST, LONGEST - HOUR, DAY, LONGEST),
    ],
)
def test_r35_a_hold_is_extended_from_now_up_to_the_longest_hold(
    held_for: timedelta, after: timedelta, hold_for: timedelta, ends_after: timedelta
) -> None:
    books = Books()
    hold = books.authorized(books.bought(), order(), hold_for=held_for)
    books.wait(after)
    assert books.extended(hold, hold_for).expires_at == NOW + ends_after


def test_r35_the_longest_hold_counts_from_the_first_hold_of_the_chain() -> None:
    books = Books()
    card = books.bought()
    first = books.authorized(card, order(30_00))
    books.wait(20 * HOUR)
    second = books.authorized(card, order(40_00), hold_for=DAY)
    assert second.authorization_id != first.authorization_id
    assert books.extended(second, 365 * DAY).expires_at == NOW + LONGEST


def test_r35_a_hold_of_the_former_version_counts_from_its_own_beginning() -> None:
    books = Books()
    hold = books.authorized(books.bought(), order())
    books.facts.authorizations[hold.authorization_id] = hold._replace(first_held_at=None)
    books.wait(HOUR)
    assert books.extended(hold, 365 * DAY).expires_at == NOW + LONGEST


def test_an_extension_moves_no_money_and_counts_a_version_of_its_card() -> None:
    books = Books()
    card = books.bought()
    hold = books.authorized(card, order(30_00))
    before = books.card(card)
    decision = books.decide(extend(hold.authorization_id, 2 * DAY))
    assert decision.postings == ()
    assert decision.cards == (before._replace(version=before.version + 1),)
    assert decision.outcome == Extended(hold._replace(expires_at=NOW + 2 * DAY))
    # Longer than it was granted at first, and captured in time.
    books.now = NOW + 2 * DAY - MICROSECOND
    assert books.captured(hold).authorization.captured_minor == 30_00


def test_r34_an_extended_hold_lapses_at_its_new_end() -> None:
    books = Books()
    hold = books.authorized(books.bought(), order())
    books.now = books.extended(hold, 2 * DAY).expires_at
    outcome = books.decide(capture(hold.authorization_id)).outcome
    assert isinstance(outcome, Declined)
    assert outcome.reason is Reason.AUTHORIZATION_LAPSED
    assert books.decide(extend(hold.authorization_id, DAY)).outcome == outcome


def shown(books: Books, **named: Any) -> Shown:
    decision = books.decide(GetAuthorization(**named))
    assert isinstance(decision.outcome, Shown)
    return decision.outcome


def captured_in_part_and_refunded(books: Books, hold: Authorization) -> None:
    paid = books.captured(hold, 10_00).authorization
    books.wait(HOUR)
    books.reversed(paid)


@pytest.mark.parametrize(
    ("happens", "state", "replacements"),
    [
        (lambda _books, _hold: None, AuthorizationState.OPEN, []),
        (lambda books, hold: books.reversed(hold), AuthorizationState.RELEASED, []),
        (lambda books, _hold: books.wait(DAY), AuthorizationState.LAPSED, []),
        (lambda books, hold: books.captured(hold), AuthorizationState.CAPTURED, []),
        (
            captured_in_part_and_refunded,
            AuthorizationState.CAPTURED,
            [(20_00, CardState.ACTIVE), (10_00, CardState.ACTIVE)],
        ),
    ],
)
def test_an_authorization_is_shown_as_time_has_made_it_with_what_came_out_of_it(
    happens: Callable[[Books, Authorization], object],
    state: AuthorizationState,
    replacements: list[tuple[int, CardState]],
) -> None:
    books = Books()
    command = authorize(books.bought().card_id, order(30_00))
    books.decide(command)
    hold = books.facts.authorizations[command.authorization_id]
    happens(books, hold)
    found = shown(books, authorization_id=hold.authorization_id)
    assert found.authorization.state is state
    assert [(card.initial_minor, card.state) for card in found.replacements] == replacements
    assert shown(books, authorize=(command.key,)) == found


def test_a_replacement_is_shown_as_time_has_made_it() -> None:
    books = Books()
    paid = books.paid(books.bought(), order())
    back = books.reversed(paid).replacement
    assert back is not None
    books.now = back.expires_at
    (card,) = shown(books, authorization_id=paid.authorization_id).replacements
    assert card.state is CardState.EXPIRED


def declined_one(books: Books) -> GetAuthorization:
    command = authorize(books.bought().card_id, order(discount_codes=["NOEL10"]))
    books.decide(command)
    return GetAuthorization(authorize=(command.key,))


@pytest.mark.parametrize(
    "query_of",
    [
        lambda _books: GetAuthorization(authorization_id="no authorization"),
        lambda _books: GetAuthorization(authorize=(request_key(),)),
        declined_one,
    ],
    ids=["an id", "a request", "a declined request"],
)
def test_what_has_no_authorization_is_not_found(
    query_of: Callable[[Books], GetAuthorization],
) -> None:
    books = Books()
    outcome = books.decide(query_of(books)).outcome
    assert outcome == Declined(Reason.AUTHORIZATION_NOT_FOUND)


def test_the_authorizations_of_a_page_are_shown_in_its_order_as_time_has_made_them() -> None:
    books = Books()
    card = books.bought()
    holds = [books.authorized(card, order(total)) for total in (10_00, 20_00, 30_00)]
    books.wait(DAY)
    asked = ListAuthorizations(tuple(hold.authorization_id for hold in holds))
    listed: Any = books.decide(asked).outcome
    assert [hold.authorized_minor for hold in listed.authorizations] == [10_00, 20_00, 30_00]
    assert [hold.state.value for hold in listed.authorizations] == ["RELEASED"] * 2 + ["LAPSED"]


MIND: dict[str, Any] = {"reason": ReverseReason.CHANGE_OF_MIND, "delivered_on": date(2026, 9, 16)}


@pytest.mark.parametrize(
    ("changes", "amount_minor", "amounts", "deadline"),
    [
        ({}, None, (50_00, 10_00, 0), None),
        ({}, 55_00, (50_00, 5_00, 0), None),
        ({"reason": ReverseReason.TECHNICAL}, None, (50_00, 10_00, 0), None),
        (MIND, 20_00, (20_00, 0, 0), "2026-10-16T22:00:00+00:00"),
        (
            {"reason": ReverseReason.CHANGE_OF_MIND, "before_delivery": True},
            20_00,
            (20_00, 0, 0),
            None,
        ),
    ],
)
def test_r21_a_preview_says_the_amounts_and_the_deadline_and_changes_nothing(
    changes: dict[str, Any],
    amount_minor: int | None,
    amounts: tuple[int, int, int],
    deadline: str | None,
) -> None:
    books = Books()
    paid = books.paid(books.bought(50_00), order(60_00))
    books.wait(3 * DAY)
    command = reverse(paid.authorization_id, amount_minor, **changes)
    decision = decide(PreviewReverse(command), books.facts, MARKETS, books.now)
    previewed: Any = decision.outcome
    assert decision == Decision(outcome=previewed)
    assert previewed.outcome is ReverseOutcome.REFUNDED
    assert previewed.currency == "EUR"
    assert (
        previewed.gift_card_minor,
        previewed.other_tender_minor,
        previewed.restored_minor,
    ) == amounts
    assert (previewed.deadline and previewed.deadline.isoformat()) == deadline


def test_r39_a_preview_says_what_would_be_restored() -> None:
    books = Books()
    paid = books.paid(books.bought(50_00), order(30_00))
    command = reverse(paid.authorization_id, reason=ReverseReason.TECHNICAL)
    previewed: Any = books.decide(PreviewReverse(command)).outcome
    assert (previewed.gift_card_minor, previewed.restored_minor) == (30_00, 20_00)
    decided = books.decide(command)
    restored = [each for each in decided.postings if each.kind is PostingKind.RESTORE]
    assert [each.amount_minor for each in restored] == [20_00]


@pytest.mark.parametrize("state", ["open", "blocked", "lapsed", "captured", "late", "never"])
def test_a_preview_is_what_reverse_then_answers(state: str) -> None:
    books = Books()
    hold = books.authorized(books.bought(), order())
    command = reverse(hold.authorization_id, **MIND)
    happens: dict[str, Callable[[Card], object]] = {
        "open": lambda _card: None,
        "blocked": lambda card: books.decide(BlockCard(card.card_id)),
        "lapsed": lambda _card: books.wait(DAY),
        "captured": lambda _card: books.captured(hold),
        "late": lambda _card: books.captured(hold),
        "never": lambda _card: None,
    }
    happens[state](books.facts.cards[hold.card_id])
    if state == "late":
        books.wait(40 * DAY)
    if state == "never":
        command = reverse(None, authorize_request_id=request_key().request_id)
    previewed: Any = books.decide(PreviewReverse(command)).outcome
    answered = books.decide(command).outcome
    if isinstance(previewed, Declined):
        assert previewed == answered
    else:
        assert isinstance(answered, Reversed)
        assert previewed.outcome is answered.outcome
