"""`giftcard reinstate`: a former server's clock ran ahead, and what it booked is booked back."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from giftcard_rules.commands import Authorize, Issue
from giftcard_server.clocks.judged_clock import utc_now
from giftcard_storage.schema import Authorization, Card
from given.databases.books_on_disk import BooksOnDisk, audited
from given.databases.kinds import Kind, Place
from given.made_facts import authorize, capture, issue, order
from given.servers.fake_time import needs_faketime
from given.servers.giftcard_command import giftcard
from practice_clock import FakeTime

AHEAD: Final = timedelta(days=200)
LEFT, REFUSED = 1, 2


@pytest.fixture
def books(place: Place) -> Iterator[BooksOnDisk]:
    """Books of today, which no clock judges."""
    with audited(place) as opened:
        opened.now = utc_now()
        yield opened


def bought(books: BooksOnDisk) -> Issue:
    command = issue()
    books.submit(command)
    return command


def held(books: BooksOnDisk, order_id: str) -> Authorize:
    command = authorize(bought(books).new_card.card_id, order(order_id=order_id))
    books.submit(command)
    return command


def reinstated(place: Place, *options: str, exit_code: int = 0) -> list[dict[str, Any]]:
    done = giftcard("reinstate", "--output", "json", *options, settings=place.environment)
    assert done.returncode == exit_code, done.stdout + done.stderr
    entries: list[dict[str, Any]] = json.loads(done.stdout)
    return entries


def states(books: BooksOnDisk, command: Issue | Authorize) -> tuple[str, str]:
    """Return the states of a command's card and of its authorization."""
    if isinstance(command, Issue):
        cards = {row["card_id"]: row["state"] for row in books.rows(Card)}
        return cards[command.new_card.card_id], ""
    cards = {row["card_id"]: row["state"] for row in books.rows(Card)}
    holds = {row["authorization_id"]: row["state"] for row in books.rows(Authorization)}
    return cards[command.card_ids[0]], holds[command.authorization_id]


@dataclass(frozen=True)
class Damage:
    """What a clock that ran ahead has done to four cards; `right` is when it was right last."""

    right: datetime
    unused: Issue
    kept: Authorize
    used: Authorize
    moved: Authorize


def damage(books: BooksOnDisk) -> Damage:
    """Let the clock run ahead, in two steps; in between, shoppers try again."""
    unused, kept, used, moved = bought(books), held(books, "1"), held(books, "2"), held(books, "3")
    right = books.now
    books.now += timedelta(days=10)
    books.catch_up_all()
    another_order = authorize(used.card_ids[0], order(order_id="4"))
    another_card = authorize(bought(books).new_card.card_id, order(order_id="3"))
    for again in (another_order, another_card):
        books.submit(again)
        books.submit(capture(again.authorization_id))
    books.now = right + AHEAD
    books.catch_up_all()
    assert states(books, unused) == ("EXPIRED", "")
    assert states(books, kept) == ("EXPIRED", "LAPSED")
    return Damage(right, unused, kept, used, moved)


def test_what_came_too_early_is_booked_back_and_the_rest_is_listed(
    place: Place, books: BooksOnDisk
) -> None:
    done = damage(books)
    damaged = books.dump()
    for options in (("--dry-run",), ()):
        entries = reinstated(place, *options, exit_code=LEFT)
        found = {(each["card_id"], each["kind"], each["why_left"]) for each in entries}
        assert found == {
            (done.unused.new_card.card_id, "REINSTATE", None),
            (done.kept.card_ids[0], "REINSTATE", None),
            (done.kept.card_ids[0], "REHOLD", None),
            (done.used.card_ids[0], "REHOLD", "the card has moved since"),
            (done.moved.card_ids[0], "REINSTATE", None),
            (done.moved.card_ids[0], "REHOLD", "its order has another live authorization"),
        }
        assert options == () or books.dump() == damaged
    assert states(books, done.unused) == ("ACTIVE", "")
    assert states(books, done.kept) == ("HELD", "OPEN")
    assert states(books, done.used) == ("REDEEMED", "LAPSED")
    assert states(books, done.moved) == ("ACTIVE", "LAPSED")
    books.now = done.right
    books.submit(capture(done.kept.authorization_id))
    assert states(books, done.kept) == ("REDEEMED", "CAPTURED")


def test_the_audit_counts_what_was_booked_back_and_a_second_run_finds_the_rest(
    place: Place, books: BooksOnDisk
) -> None:
    done = damage(books)
    reinstated(place, exit_code=LEFT)
    audit = json.loads(giftcard("audit", "--output", "json", settings=place.environment).stdout)
    assert audit["clean"]
    (totals,) = audit["totals"]
    assert totals["reinstated_minor"] == totals["expired_minor"] == 3 * 50_00
    left = reinstated(place, exit_code=LEFT)
    assert {each["card_id"] for each in left} == {done.used.card_ids[0], done.moved.card_ids[0]}


def test_nothing_is_booked_back_that_was_due(place: Place, books: BooksOnDisk) -> None:
    books.now -= AHEAD
    command = held(books, "1")
    books.now += AHEAD
    books.catch_up_all()
    done = giftcard("reinstate", settings=place.environment)
    assert (done.returncode, done.stdout) == (0, "Nothing was booked before its time.\n")
    assert states(books, command) == ("EXPIRED", "LAPSED")


@needs_faketime
@pytest.mark.parametrize("kind", [Kind.POSTGRESQL], indirect=True)
def test_a_clock_that_cannot_be_right_books_nothing_back(
    place: Place, books: BooksOnDisk, tmp_path: Path
) -> None:
    bought(books)
    clock = FakeTime(tmp_path)
    clock.shift(-AHEAD)
    done = giftcard("reinstate", settings={**place.environment, **clock.environment})
    assert done.returncode == REFUSED
    assert "behind PostgreSQL's clock" in done.stderr
