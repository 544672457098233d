"""A primary whose commits wait for a standby: no answer leaves before the standby has it too."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from giftcard.v1 import event_service_pb2 as event_pb2
from giftcard_rules.authorization_calls import GetAuthorization, PreviewReverse
from giftcard_rules.commands import Authorize, Declined, Issue
from giftcard_rules.reasons import Reason
from giftcard_server.deciding.authorization_reader import Asked
from giftcard_server.deciding.submission import Submission
from giftcard_storage.errors import StorageAwayError
from giftcard_storage.event_schema import Event
from giftcard_storage.order_pages import OrderPage
from giftcard_storage.schema import Authorization
from given.calls.shop import shop_at
from given.calls.watching import positions, read, watching
from given.databases.books_on_disk import (
    BooksOnDisk,
    audited,
    authorize_of,
    cancel_of,
    submission,
)
from given.databases.kinds import Place
from given.databases.postgresql_process import PostgresqlProcess
from given.databases.standby_process import StandbyProcess
from given.made_facts import authorize, capture, issue, order, reverse, validate
from given.servers.running import Clock, running, settings, target_of
from given.waiting import wait_until

pytestmark = pytest.mark.xdist_group("standby")

# Far longer than an answer takes that waits for nobody.
UNANSWERED_SECONDS: Final = 0.7
WAITING: Final = "SELECT pid::text FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


class Pair:
    """A primary and its standby, and two replicas of ours on the primary."""

    def __init__(self, primary: PostgresqlProcess, standby: StandbyProcess, place: Place) -> None:
        self.primary = primary
        self.standby = standby
        self.place = place
        self.replicas = (BooksOnDisk(place), BooksOnDisk(place))

    def waiting(self) -> list[str]:
        """Return the processes of the primary that wait for the standby."""
        return [process_id for (process_id,) in self.primary.run(WAITING)]

    @contextmanager
    def without_the_standby(self) -> Iterator[None]:
        """Take the standby away; it comes back when the block is over."""
        self.standby.freeze()
        try:
            yield
        finally:
            self.standby.thaw()
            wait_until(lambda: not self.waiting())

    def close(self) -> None:
        """Close the replicas' connections."""
        for books in self.replicas:
            books.close()


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[PostgresqlProcess, StandbyProcess]]:
    with PostgresqlProcess() as primary, StandbyProcess(primary) as standby:
        primary.new_database()  # Makes the template, while nobody waits yet.
        standby.be_waited_for()
        yield primary, standby


@pytest.fixture
def pair(servers: tuple[PostgresqlProcess, StandbyProcess], tmp_path: Path) -> Iterator[Pair]:
    primary, standby = servers
    opened = Pair(primary, standby, Place.on_server(primary.new_database(), tmp_path))
    try:
        yield opened
    finally:
        opened.close()


def terminated(pair: Pair, process_id: str) -> None:
    """End the session that waits in its COMMIT: its transaction is visible from now on."""
    pair.primary.run("SELECT pg_terminate_backend(%s::int)", process_id)


def cancelled(pair: Pair, process_id: str) -> None:
    """Cancel the wait: COMMIT is answered as if it were done, with no more than a warning."""
    pair.primary.run("SELECT pg_cancel_backend(%s::int)", process_id)


def restarted(pair: Pair, _process_id: str) -> None:
    """Kill the primary and start it again: it recovers what it had written, visibly."""
    pair.primary.kill()
    pair.primary.start()


def is_answered(answer: Future[Any]) -> bool:
    """Return whether a call gets its answer at once."""
    with suppress(TimeoutError, StorageAwayError):
        answer.result(UNANSWERED_SECONDS)
        return True
    return False


def granted(card: Issue, _hold: Authorize) -> Submission:
    return submission(authorize_of(card, "order-2"))


def declined(card: Issue, _hold: Authorize) -> Submission:
    discounted = order(order_id="order-3", discount_codes=["PROMO"])
    return submission(authorize(card.new_card.card_id, discounted))


def captured(_card: Issue, hold: Authorize) -> Submission:
    return submission(capture(hold.authorization_id))


def reversed_(_card: Issue, hold: Authorize) -> Submission:
    return submission(reverse(hold.authorization_id))


def bought(_card: Issue, _hold: Authorize) -> Submission:
    return submission(issue())


def taken_back(card: Issue, _hold: Authorize) -> Submission:
    return submission(cancel_of(card))


Make = Callable[[Issue, Authorize], Submission]
End = Callable[[Pair, str], None]


@pytest.mark.parametrize(
    ("make", "end"),
    [
        (granted, terminated),
        (granted, cancelled),
        pytest.param(granted, restarted, marks=pytest.mark.slow),
        pytest.param(declined, terminated, marks=pytest.mark.slow),
        pytest.param(captured, terminated, marks=pytest.mark.slow),
        pytest.param(reversed_, terminated, marks=pytest.mark.slow),
        pytest.param(bought, terminated, marks=pytest.mark.slow),
        pytest.param(taken_back, cancelled, marks=pytest.mark.slow),
    ],
)
def test_an_answer_waits_for_the_standby_however_its_commit_ended(
    pair: Pair, make: Make, end: End
) -> None:
    one, other = pair.replicas
    card, held = issue(), issue()
    hold = authorize_of(held)
    for command in (card, held, hold):
        one.submit(command)
    wanted = make(card, hold)
    with ThreadPoolExecutor(2) as callers:
        with pair.without_the_standby():
            first = callers.submit(one.submit, wanted)
            wait_until(pair.waiting)
            end(pair, *pair.waiting())
            again = callers.submit(other.submit, wanted)
            assert [is_answered(first), is_answered(again)] == [False, False]
        answers = [each.result() for each in (first, again) if each.exception() is None]
    answers.append(other.submit(wanted))
    assert answers[-1].replayed
    assert len({(answer.encoded, answer.reason) for answer in answers}) == 1
    other.assert_clean()


def test_a_request_is_not_said_to_be_prevented_before_the_standby_knows(pair: Pair) -> None:
    one, other = pair.replicas
    card = issue()
    one.submit(card)
    lost = authorize_of(card)
    with ThreadPoolExecutor(2) as callers, pair.without_the_standby():
        prevents = reverse(None, authorize_request_id=lost.key.request_id)
        callers.submit(one.submit, prevents)
        wait_until(pair.waiting)
        terminated(pair, *pair.waiting())
        assert not is_answered(callers.submit(other.submit, lost))
    assert other.submit(lost).reason is Reason.REQUEST_PREVENTED


@pytest.mark.parametrize(
    "asked_of",
    [
        lambda hold: GetAuthorization(authorization_id=hold.authorization_id),
        lambda hold: GetAuthorization(authorize=(hold.key,)),
        lambda hold: OrderPage("fr", hold.order.order_id, None, 20),
        lambda hold: PreviewReverse(reverse(hold.authorization_id)),
    ],
    ids=["by id", "by request", "by order", "preview"],
)
def test_what_is_shown_of_an_authorization_is_on_the_standby(
    pair: Pair, asked_of: Callable[[Authorize], Asked]
) -> None:
    one, other = pair.replicas
    card = issue()
    one.submit(card)
    hold = authorize_of(card)
    with ThreadPoolExecutor(2) as callers:
        with pair.without_the_standby():
            callers.submit(one.submit, hold)
            wait_until(pair.waiting)
            terminated(pair, *pair.waiting())
            wait_until(lambda: other.rows(Authorization))  # It is visible, on the primary alone.
            found = callers.submit(other.ask, asked_of(hold))
            assert not is_answered(found)
            # Nothing else waits with it: a Validate decides nothing.
            assert other.validate(validate(card.new_card.card_id, hold.order)).card is not None
        assert not isinstance(found.result(), Declined)


def test_an_event_is_told_once_it_is_on_the_standby(pair: Pair) -> None:
    looking, _ = pair.replicas
    with (
        running(settings(pair.place), Clock()) as service,
        shop_at(target_of(service)) as shop,
        shop_at(target_of(service)) as consumer,
        ThreadPoolExecutor(3) as callers,
    ):
        first = shop.bought()
        wait_until(lambda: len(looking.rows(Event)) == 1)
        with pair.without_the_standby():
            sale = callers.submit(shop.bought)
            # The commits of the sale and of its event's position are visible, each on the primary
            # alone, once their sessions are gone.
            wait_until(lambda: ended_until(pair, lambda: len(looking.rows(Event)) == 2))
            page = callers.submit(read, consumer.channel)
            told = callers.submit(watched, consumer.channel, 2)
            assert [is_answered(page), is_answered(told)] == [False, False]
        cards = [first.card.card_id, sale.result().card.card_id]
        for events in (page.result().events, told.result()):
            assert positions(events) == [1, 2]
            assert [event.card_id for event in events] == cards


def ended_until(pair: Pair, is_enough: Callable[[], bool]) -> bool:
    """End every session that waits in its COMMIT, unless it is enough; return whether it is."""
    if is_enough():
        return True
    for process_id in pair.waiting():
        terminated(pair, process_id)
    return False


def watched(channel: grpc.Channel, count: int) -> list[event_pb2.Event]:
    """Watch from the beginning, and return the first events."""
    with watching(channel) as watch:
        return watch.take(count)


@pytest.mark.slow
def test_what_was_answered_is_on_the_standby_when_the_primary_is_lost(tmp_path: Path) -> None:
    with PostgresqlProcess() as primary, StandbyProcess(primary) as standby:
        url = primary.new_database()
        standby.be_waited_for()
        pair = Pair(primary, standby, Place.on_server(url, tmp_path))
        one, other = pair.replicas
        card = issue()
        one.submit(card)
        paid = submission(authorize_of(card, "order-1"))
        with ThreadPoolExecutor(2) as callers:
            with pair.without_the_standby():
                callers.submit(one.submit, paid)
                wait_until(pair.waiting)
                terminated(pair, *pair.waiting())
                assert not is_answered(callers.submit(other.submit, paid))
            answer = other.submit(paid)
        pair.close()
        primary.kill()
        standby.promote()
        name = url.rpartition("/")[2]
        with audited(Place(standby.url(name), pair.place.key_file)) as after:
            assert after.submit(paid) == answer._replace(replayed=True)
            assert after.submit(authorize_of(card, "order-2")).reason is Reason.CARD_HELD
