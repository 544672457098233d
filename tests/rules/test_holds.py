"""Money set aside: how long it stays so, for which order, and how it is undone (R12, R33-R37)."""

from datetime import timedelta
from typing import Final

import pytest

from giftcard_rules.cards import AuthorizationState, CardState, timestamp
from giftcard_rules.commands import (
    Authorized,
    Captured,
    CatchUp,
    CaughtUp,
    Declined,
    RequestKey,
    Reversed,
    ReverseOutcome,
)
from giftcard_rules.decisions import Person, PersonRole
from giftcard_rules.facts import RequestRecord
from giftcard_rules.ledger import Posting, PostingKind
from giftcard_rules.reasons import Reason
from given.made_facts import (
    CALLER,
    FRANCE,
    SHOPPER,
    Books,
    authorize,
    capture,
    order,
    request_key,
    reverse,
)

MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("hold_for", "held_for"),
    [
        (None, FRANCE.default_hold),
        (timedelta(minutes=10), timedelta(minutes=10)),
        (FRANCE.longest_hold, FRANCE.longest_hold),
        (timedelta(days=365), FRANCE.longest_hold),
    ],
)
def test_r34_a_hold_lasts_as_asked_within_the_ceiling_of_the_market(
    hold_for: timedelta | None, held_for: timedelta
) -> None:
    books = Books()
    hold = books.authorized(books.bought(), order(), hold_for=hold_for)
    assert hold.created_at == books.now
    assert hold.expires_at == books.now + held_for


def test_r34_a_hold_lapses_at_its_expiry_to_the_microsecond() -> None:
    books = Books()
    in_time, too_late = books.bought(), books.bought()
    early = books.authorized(in_time, order(order_id="order-1"))
    late = books.authorized(too_late, order(order_id="order-2"))
    books.now = early.expires_at - MICROSECOND
    assert isinstance(books.decide(capture(early.authorization_id)).outcome, Captured)
    books.now = late.expires_at
    decision = books.decide(capture(late.authorization_id))
    assert isinstance(decision.outcome, Declined)
    assert decision.outcome.reason is Reason.AUTHORIZATION_LAPSED
    # The decline books what time has done.
    assert [posting.kind for posting in decision.postings] == [PostingKind.LAPSE]
    assert books.decide(capture(late.authorization_id)).outcome == decision.outcome
    assert books.card(too_late).state is CardState.ACTIVE
    assert books.facts.authorizations[late.authorization_id].state is AuthorizationState.LAPSED


def test_r34_a_lapsed_hold_is_neither_released_nor_in_the_way_of_another_order() -> None:
    books = Books()
    card = books.bought()
    hold = books.authorized(card, order(order_id="order-1"))
    books.now = hold.expires_at
    outcome = books.decide(reverse(hold.authorization_id)).outcome
    assert isinstance(outcome, Declined)
    assert outcome.reason is Reason.AUTHORIZATION_LAPSED
    assert books.authorized(card, order(order_id="order-2")).authorized_minor == 50_00


def test_r12_a_card_is_valid_up_to_its_expiry_to_the_microsecond() -> None:
    books = Books()
    in_time, too_late = books.bought(), books.bought()
    books.now = in_time.expires_at - MICROSECOND
    books.authorized(in_time, order(order_id="order-1"))
    books.now = too_late.expires_at
    decision = books.decide(authorize(too_late.card_id, order(order_id="order-2")))
    assert isinstance(decision.outcome, Declined)
    assert decision.outcome.reason is Reason.CARD_EXPIRED
    assert decision.outcome.details == {
        "expire_time": too_late.expires_at.isoformat().replace("+00:00", "Z")
    }
    assert decision.postings == (Posting(PostingKind.EXPIRE, too_late.card_id, 50_00),)
    assert books.card(too_late).state is CardState.EXPIRED


def test_r33_a_hold_taken_in_time_is_captured_after_the_expiry_of_the_card() -> None:
    books = Books()
    card = books.bought(50_00)
    books.now = card.expires_at - MICROSECOND
    hold = books.authorized(card, order(30_00))
    books.wait(FRANCE.default_hold - timedelta(seconds=1))
    assert books.now > card.expires_at
    assert books.captured(hold).authorization.captured_minor == 30_00


@pytest.mark.parametrize("how", [PostingKind.RELEASE, PostingKind.LAPSE])
def test_r33_a_hold_that_ends_after_the_expiry_leaves_an_expired_card(how: PostingKind) -> None:
    books = Books()
    card = books.bought(50_00)
    books.now = card.expires_at - MICROSECOND
    hold = books.authorized(card, order(30_00))
    if how is PostingKind.RELEASE:
        books.wait(timedelta(hours=1))
        decision = books.decide(reverse(hold.authorization_id))
    else:
        books.now = hold.expires_at
        decision = books.decide(CatchUp(card.card_id))
        assert decision.outcome == CaughtUp()
    assert decision.postings == (
        Posting(how, card.card_id, 30_00, hold.authorization_id),
        Posting(PostingKind.EXPIRE, card.card_id, 50_00),
    )
    assert books.card(card).state is CardState.EXPIRED


def test_r33_an_expired_card_takes_no_new_hold_for_the_same_order_either() -> None:
    books = Books()
    card = books.bought(50_00)
    books.now = card.expires_at - MICROSECOND
    books.authorized(card, order(30_00))
    books.now = card.expires_at
    outcome = books.decide(authorize(card.card_id, order(40_00))).outcome
    assert isinstance(outcome, Declined)
    assert outcome.reason is Reason.CARD_EXPIRED


def test_r35_a_second_hold_for_the_same_order_replaces_the_first() -> None:
    books = Books()
    card = books.bought(50_00)
    first = books.authorized(card, order(30_00))
    books.wait(timedelta(hours=1))
    decision = books.decide(authorize(card.card_id, order(45_00)))
    assert isinstance(decision.outcome, Authorized)
    second = decision.outcome.authorization
    card_id = card.card_id
    assert decision.postings == (
        Posting(PostingKind.RELEASE, card_id, 30_00, first.authorization_id),
        Posting(PostingKind.AUTHORIZE, card_id, 45_00, second.authorization_id),
    )
    replaced = books.facts.authorizations[first.authorization_id]
    assert replaced.state is AuthorizationState.RELEASED
    assert second.expires_at == books.now + FRANCE.default_hold
    assert books.card(card).hold_id == second.authorization_id
    outcome = books.decide(capture(first.authorization_id)).outcome
    assert isinstance(outcome, Declined)
    assert outcome.reason is Reason.AUTHORIZATION_RELEASED
    assert books.captured(second).authorization.captured_minor == 45_00


def test_r35_another_order_is_declined_while_the_hold_is_open() -> None:
    books = Books()
    card = books.bought(50_00)
    hold = books.authorized(card, order(30_00, order_id="order-1"))
    outcome = books.decide(authorize(card.card_id, order(10_00, order_id="order-2"))).outcome
    assert outcome == Declined(Reason.CARD_HELD, {"hold_expire_time": timestamp(hold.expires_at)})


def test_r23_the_customer_of_a_hold_is_stored_for_the_card_that_may_come_back() -> None:
    books = Books()
    card = books.bought()
    decision = books.decide(authorize(card.card_id, order()))
    hold = decision.authorizations[0]
    assert decision.people == (
        Person(
            card_id=card.card_id,
            role=PersonRole.CUSTOMER,
            contact=SHOPPER,
            authorization_id=hold.authorization_id,
        ),
    )


def test_r36_an_authorize_that_never_arrived_is_prevented() -> None:
    books = Books()
    lost = "7a0b1bb6-93a1-4cf7-8a26-6d5e5a4b9a10"
    decision = books.decide(reverse(None, authorize_request_id=lost))
    assert decision.outcome == Reversed(ReverseOutcome.PREVENTED)
    assert decision.prevents == (RequestKey(CALLER, lost),)
    assert (decision.cards, decision.postings) == ((), ())


def test_r36_an_authorize_whose_answer_was_lost_is_reversed_by_its_request_id() -> None:
    books = Books()
    card = books.bought()
    wish = authorize(card.card_id, order())
    books.decide(wish)
    undo = reverse(None, authorize_request_id=wish.key.request_id)
    outcome = books.decide(undo).outcome
    assert isinstance(outcome, Reversed)
    assert outcome.outcome is ReverseOutcome.RELEASED
    assert books.card(card).state is CardState.ACTIVE


def test_r36_an_authorize_that_was_declined_is_final_already() -> None:
    books = Books()
    wish = authorize(books.bought().card_id, order(discount_codes=["NOEL10"]))
    books.facts.requests[wish.key] = RequestRecord(
        wish.key, "Authorize", reason=Reason.ORDER_HAS_DISCOUNT
    )
    decision = books.decide(reverse(None, authorize_request_id=wish.key.request_id))
    assert decision.outcome == Reversed(ReverseOutcome.PREVENTED)
    assert decision.prevents == ()


def test_r36_an_authorize_that_was_prevented_stays_so() -> None:
    books = Books()
    key = request_key()
    books.facts.requests[key] = RequestRecord(key, "Authorize", prevented=True)
    decision = books.decide(reverse(None, authorize_request_id=key.request_id))
    assert decision.outcome == Reversed(ReverseOutcome.PREVENTED)
    assert decision.prevents == ()


def test_r36_the_request_id_of_another_call_names_no_authorization() -> None:
    books = Books()
    key = request_key()
    books.facts.requests[key] = RequestRecord(key, "Capture")
    outcome = books.decide(reverse(None, authorize_request_id=key.request_id)).outcome
    assert outcome == Declined(Reason.AUTHORIZATION_NOT_FOUND)


def test_r36_the_request_ids_of_other_callers_name_nothing() -> None:
    books = Books()
    card = books.bought()
    wish = authorize(card.card_id, order())
    books.decide(wish)
    stranger = RequestKey("another caller", "d0f9a1c4-1d0b-4f0e-8a64-0c3a5f1f7b42")
    undo = reverse(None, authorize_request_id=wish.key.request_id, key=stranger)
    decision = books.decide(undo)
    assert decision.outcome == Reversed(ReverseOutcome.PREVENTED)
    assert decision.prevents == (RequestKey("another caller", wish.key.request_id),)
    assert books.card(card).state is CardState.HELD


FORMERLY: Final = ("plaintext", "older")
# Under which names the Authorize has a record, what undoes it, and where it is prevented as well.
NAMES_OF_AN_AUTHORIZE: Final = (
    ((), ReverseOutcome.PREVENTED, (CALLER, *FORMERLY)),
    ((CALLER,), ReverseOutcome.RELEASED, FORMERLY),
    (("plaintext",), ReverseOutcome.RELEASED, ("older",)),
    (("older",), ReverseOutcome.RELEASED, ()),
    (FORMERLY, ReverseOutcome.RELEASED, ()),
)


@pytest.mark.parametrize(("names", "outcome", "prevented"), NAMES_OF_AN_AUTHORIZE)
def test_r36_a_request_id_is_of_every_name_that_its_caller_has_had(
    names: tuple[str, ...], outcome: ReverseOutcome, prevented: tuple[str, ...]
) -> None:
    books = Books()
    card = books.bought()
    hold = books.authorized(card, order())
    request_id = request_key().request_id
    for name in names:
        key = RequestKey(name, request_id)
        books.facts.requests[key] = RequestRecord(
            key, "Authorize", authorization_id=hold.authorization_id
        )
    undo = reverse(None, authorize_request_id=request_id, formerly=FORMERLY)
    decision = books.decide(undo)
    assert isinstance(decision.outcome, Reversed)
    assert decision.outcome.outcome is outcome
    # Never under a name before that of the record, which would hide it from its own replay.
    assert decision.prevents == tuple(RequestKey(name, request_id) for name in prevented)


def test_r37_a_blocked_card_is_neither_authorized_nor_captured_but_released() -> None:
    books = Books()
    card = books.bought()
    hold = books.authorized(card, order())
    books.facts.cards[card.card_id] = books.card(card)._replace(blocked=True)
    for command in (authorize(card.card_id, order()), capture(hold.authorization_id)):
        assert books.decide(command).outcome == Declined(Reason.CARD_BLOCKED)
    assert books.card(card).shown_state is CardState.BLOCKED
    assert books.reversed(hold).outcome is ReverseOutcome.RELEASED
