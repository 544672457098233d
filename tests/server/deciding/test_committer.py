"""Commands share a transaction: each is decided once, and later ones see what earlier ones did."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from giftcard_rules.codes import Key, KeyRing
from giftcard_rules.commands import Authorize, Cancel, CatchUp, CaughtUp, Command, Outcome
from giftcard_rules.decisions import Decision, Person, PersonRole
from giftcard_rules.reasons import Reason
from giftcard_server.deciding import committer
from giftcard_server.deciding.submission import Answer
from giftcard_server.edge import responses
from giftcard_server.errors import GoneError
from giftcard_storage.people import ActingFor, people_of
from giftcard_storage.rows import microseconds
from giftcard_storage.schema import Card, Request
from giftcard_storage.store import Store
from given.databases.books_on_disk import (
    BooksOnDisk,
    audited,
    authorize_of,
    cancel_of,
    reasons,
    submission,
)
from given.databases.kinds import Place
from given.made_facts import (
    KEY,
    RING,
    SHOPPER,
    authorize,
    capture,
    issue,
    order,
    request_key,
    reverse,
)

NEWER_KEY = Key("2027", b"the secret of the next year, 32 B.")


@pytest.fixture
def books(place: Place) -> Iterator[BooksOnDisk]:
    with audited(place) as opened:
        yield opened


def reverse_of(sent: Authorize) -> Command:
    """Return a command to undo an Authorize by its request id (R36)."""
    by_id = reverse(sent.authorization_id)
    return replace(by_id, authorization_id=None, authorize_request_id=sent.key.request_id)


def test_later_commands_of_a_batch_see_what_earlier_ones_did(books: BooksOnDisk) -> None:
    card, other = issue(50_00), issue(60_00)
    hold = authorize_of(card)
    back = reverse(hold.authorization_id)
    table: list[tuple[Command, str | None]] = [
        (card, None),
        (issue(order_id=card.purchase.order_id), "PURCHASE_HAS_ANOTHER_CARD"),
        (hold, None),
        (authorize_of(card, "order-2"), "CARD_HELD"),
        (other, None),
        (authorize_of(other, "order-1"), "ORDER_HAS_ANOTHER_CARD"),
        (cancel_of(card), "CARD_HELD"),
        (capture(hold.authorization_id), None),
        (capture(hold.authorization_id), "AUTHORIZATION_CAPTURED"),
        (authorize_of(card), "CARD_REDEEMED"),
        (back, None),
        (reverse(hold.authorization_id), "AMOUNT_EXCEEDS_REFUNDABLE"),
        (authorize(back.new_card.card_id, order(50_00, order_id="order-3")), None),
        (cancel_of(other), None),
        (authorize_of(other, "order-4"), "CARD_CANCELLED"),
    ]
    answers = books.together([command for command, _ in table])
    assert reasons(answers) == [reason for _, reason in table]


@pytest.mark.parametrize("reversed_first", [True, False])
@pytest.mark.parametrize("in_one_batch", [True, False])
def test_r36_a_reverse_by_request_id_finds_or_prevents_its_authorize(
    books: BooksOnDisk, *, reversed_first: bool, in_one_batch: bool
) -> None:
    card = issue()
    books.submit(card)
    hold = authorize_of(card)
    commands: list[Command] = [hold, reverse_of(hold)]
    wanted: list[str | None] = [None, None]
    if reversed_first:
        commands, wanted = commands[::-1], [None, "REQUEST_PREVENTED"]
    if in_one_batch:
        answers = books.together(commands)
    else:
        answers = [books.submit(command) for command in commands]
    assert reasons(answers) == wanted
    # Either way the card is free for another order, and the request is final.
    assert reasons([books.submit(authorize_of(card, "order-2"))]) == [None]
    late = books.submit(hold)
    assert (late.reason is not None, late.replayed) == (reversed_first, not reversed_first)


def test_the_same_request_twice_in_one_batch_is_done_once_and_answered_alike(
    books: BooksOnDisk,
) -> None:
    card = issue()
    first, second, third = books.together([card, card, authorize_of(card)])
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert (first.replayed, second.replayed, first.encoded) == (False, True, second.encoded)
    assert reasons([third]) == [None]
    assert len(books.rows(Card)) == 1


@pytest.mark.parametrize("method", ["issue", "capture"])
def test_another_request_with_the_id_of_one_in_the_same_batch_is_declined(
    books: BooksOnDisk, method: str
) -> None:
    card = issue(50_00)
    key = card.key
    other = issue(60_00, key=key) if method == "issue" else capture("unknown", key=key)
    assert reasons(books.together([card, other])) == [None, "REQUEST_ID_REUSED"]
    assert len(books.rows(Card)) == len(books.rows(Request)) == 1


@pytest.mark.parametrize(
    ("command", "traces"),
    [
        (issue(), 1),
        (issue(19_99), 1),
        (authorize("no card", order()), 0),
        (capture("no hold"), 0),
        (reverse("no hold"), 0),
        (Cancel(key=request_key(), card_ids=("no card",), purchase_order_id="order-1"), 0),
    ],
)
def test_a_decision_is_recorded_and_a_card_that_is_not_found_leaves_no_trace(
    books: BooksOnDisk, command: Command, traces: int
) -> None:
    first = books.submit(command)
    assert len(books.rows(Request)) == traces
    again = books.submit(command)
    assert (again.encoded, again.reason, again.replayed) == (
        first.encoded,
        first.reason,
        traces > 0,
    )


def test_a_decision_that_adds_a_person_and_changes_no_card_is_saved(
    books: BooksOnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = issue()
    books.submit(card)
    card_id = card.new_card.card_id
    person = Person(card_id=card_id, role=PersonRole.RECIPIENT, contact=SHOPPER)
    decision = Decision(outcome=CaughtUp(), people=(person,))
    # No command of today decides this, so that the rules cannot be asked for it.
    monkeypatch.setattr(committer, "decide", lambda *_: decision)
    books.submit(CatchUp(card_id))
    assert person in people_of(books.beside, RING, card_id, ActingFor.SUPPORT)


class NeverSaving(Store):
    """A store in which it is a mistake to save."""

    def save(self, *_: object) -> None:
        message = "there was nothing to save"
        raise AssertionError(message)


def test_a_pure_decline_writes_nothing(place: Place) -> None:
    with audited(place, store=NeverSaving) as books:
        declined = books.submit(capture("no hold"))
        assert declined.reason is Reason.AUTHORIZATION_NOT_FOUND


def test_the_refusal_of_a_throttled_call_is_left_to_the_edge_to_encode(place: Place) -> None:
    encoded: list[Outcome] = []

    def encode(outcome: Outcome) -> bytes:
        encoded.append(outcome)
        return responses.encode(outcome)

    with audited(place, encode=encode) as books:
        card = issue()
        books.submit(card)
        assert len(encoded) == 1
        for throttled in (issue(), issue(60_00, key=card.key)):
            refused = books.submit(replace(submission(throttled), throttled=True))
            assert (refused.encoded, refused.reason) == (b"", Reason.TOO_MANY_ATTEMPTS)
        assert books.submit(replace(submission(card), throttled=True)).replayed
        assert len(encoded) == 1


def test_time_is_read_once_for_a_batch(books: BooksOnDisk) -> None:
    cards = [issue() for _ in range(5)]
    books.together(cards)
    assert {row["issued_at"] for row in books.rows(Card)} == {microseconds(books.now)}


def test_a_command_whose_caller_is_gone_is_not_decided(books: BooksOnDisk) -> None:
    card = issue()
    with pytest.raises(GoneError):
        books.committer.submit(submission(card), lambda: True)
    assert books.rows(Card) == books.rows(Request) == []
    assert not books.submit(card).replayed


def test_an_answer_names_the_key_that_its_code_comes_from(books: BooksOnDisk, place: Place) -> None:
    card = issue()
    assert books.submit(card).key_id == KEY.key_id
    with audited(place, ring=KeyRing((NEWER_KEY, KEY))) as later:
        again = later.submit(card)
        assert (again.key_id, again.replayed) == (KEY.key_id, True)
        assert later.submit(issue()).key_id == NEWER_KEY.key_id
