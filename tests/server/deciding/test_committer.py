"""Commands that share a transaction: later ones see earlier ones, and each is decided once."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from giftcard_rules.commands import Authorize, Cancel, Command
from giftcard_server.deciding.committer import Answer, Submission
from giftcard_server.errors import GoneError
from giftcard_storage.rows import microseconds
from giftcard_storage.schema import Card, Request
from given.databases.books_on_disk import (
    BooksOnDisk,
    audited,
    authorize_of,
    cancel_of,
    reasons,
    submission,
)
from given.databases.kinds import Place
from given.made_facts import KEY, authorize, capture, issue, order, request_key, reverse


@pytest.fixture
def books(place: Place) -> Iterator[BooksOnDisk]:
    with audited(place) as opened:
        yield opened


def reverse_of(sent: Authorize) -> Command:
    """Return a wish to undo an Authorize by its request id (R36)."""
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
    assert (first.replayed, second.replayed, first.kept) == (False, True, second.kept)
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
def test_what_was_decided_is_recorded_and_what_was_not_found_leaves_no_trace(
    books: BooksOnDisk, command: Command, traces: int
) -> None:
    first = books.submit(command)
    assert len(books.rows(Request)) == traces
    again = books.submit(command)
    assert (again.kept, again.reason, again.replayed) == (first.kept, first.reason, traces > 0)


def test_time_is_read_once_for_a_batch(books: BooksOnDisk) -> None:
    cards = [issue() for _ in range(5)]
    books.together(cards)
    assert {row["issued_at"] for row in books.rows(Card)} == {microseconds(books.now)}


def test_who_is_gone_has_nothing_decided(books: BooksOnDisk) -> None:
    card = issue()
    with pytest.raises(GoneError):
        books.committer.submit(submission(card), lambda: True)
    assert books.rows(Card) == books.rows(Request) == []
    assert not books.submit(card).replayed


def test_an_answer_names_the_key_that_its_code_comes_from(books: BooksOnDisk) -> None:
    card = issue()
    made = submission(card)
    assert books.submit(made).key_id == KEY.key_id
    later = Submission(card, "a newer key", made.fingerprint)
    assert (books.submit(later).key_id, books.submit(later).replayed) == (KEY.key_id, True)
