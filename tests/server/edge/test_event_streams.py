"""Streams of events hold no thread, delay nobody, and end so that consumers can resume."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from giftcard_rules.events import EventType
from giftcard_server.edge import grpc_server
from giftcard_server.edge.event_delivery import BURST
from giftcard_server.edge.event_tail import LENGTH
from giftcard_server.service import Service
from given.calls import sent
from given.calls.answered import refusal
from given.calls.shop import Shop, shop_at
from given.calls.watching import Watch, fill, positions, read, watching
from given.databases.kinds import Place
from given.servers.mutual import CALLERS, TRUST_DOMAIN, Mutual, uri
from given.servers.running import Clock, running, settings, target_of
from given.waiting import wait_until

Code = grpc.StatusCode
WATCHERS: Final = 100
# Far more than flow control lets go to a consumer that takes nothing.
MANY: Final = 6000
SALES: Final = 15
SOON_SECONDS: Final = 0.2


@pytest.fixture
def narrow(place: Place) -> Iterator[Service]:
    """A service with far fewer threads for calls than there are watchers."""
    few = settings(place, rpc_threads=20, waiting_limit=4, batch_limit=4)
    with running(few, Clock()) as service:
        yield service


@pytest.fixture
def shop(narrow: Service) -> Iterator[Shop]:
    with shop_at(target_of(narrow)) as opened:
        yield opened


def value(service: Service, name: str) -> float | None:
    return service.registry.get_sample_value(name)


def test_a_hundred_watchers_leave_room_for_calls_and_all_are_told(
    narrow: Service, shop: Shop
) -> None:
    with ExitStack() as stack:
        watches = [stack.enter_context(watching(shop.channel)) for _ in range(WATCHERS)]
        assert value(narrow, "giftcard_event_watchers") == WATCHERS
        threads = threading.active_count()
        issued = shop.bought()
        told = [watch.take() for watch in watches]
        assert {event.card_id for (event,) in told} == {issued.card.card_id}
        assert threading.active_count() <= threads
    wait_until(lambda: value(narrow, "giftcard_event_watchers") == 0)
    name = "giftcard_events_delivered_total"
    assert narrow.registry.get_sample_value(name, {"rpc": "WatchEvents"}) == WATCHERS


def test_an_event_that_comes_with_the_first_watcher_ends_no_stream(
    narrow: Service, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = narrow._events.delivery._log  # type: ignore[union-attr] # It serves events.
    glance, events = log.glance, iter([1])

    def glance_before_the_event() -> tuple[str, int]:
        seen = glance()
        fill(narrow._settings.database_url, next(events, 0))
        return seen

    monkeypatch.setattr(log, "glance", glance_before_the_event)
    with watching(shop.channel) as watch:
        assert positions(watch.take()) == [1]


def test_a_consumer_that_takes_nothing_delays_no_other_and_grows_no_memory(
    narrow: Service, shop: Shop
) -> None:
    url = narrow._settings.database_url
    with shop_at(target_of(narrow)) as elsewhere:
        slow = Watch(elsewhere.channel)
        with watching(shop.channel) as quick:
            fill(url, MANY)
            assert positions(quick.take(MANY)) == list(range(1, MANY + 1))
            issued = shop.bought()
            (told,) = quick.take()
            assert told.card_id == issued.card.card_id
            delivery = narrow._events.delivery  # type: ignore[union-attr]
            for watcher in delivery._all():
                assert len(watcher.stream._waiting) <= BURST
            assert delivery._tail is not None
            assert len(delivery._tail._events) <= LENGTH
            assert (value(narrow, "giftcard_event_watcher_lag") or 0) > 0
            # It lost nothing by being slow.
            assert positions(slow.take(MANY + 1)) == list(range(1, MANY + 2))
            wait_until(lambda: value(narrow, "giftcard_event_watcher_lag") == 0)
        slow.call.cancel()


def test_at_light_load_an_event_comes_soon_after_the_commit(narrow: Service, shop: Shop) -> None:
    with watching(shop.channel) as watch:
        waited = []
        for _ in range(SALES):
            shop.bought()
            began = time.monotonic()
            watch.take()
            waited.append(time.monotonic() - began)
    assert statistics.median(waited) < SOON_SECONDS


def test_types_that_are_rare_in_a_long_log_are_found(narrow: Service, shop: Shop) -> None:
    url = narrow._settings.database_url
    fill(url, MANY)
    fill(url, 1, EventType.CARD_UNBLOCKED)
    fill(url, MANY)
    with watching(shop.channel, types=["EVENT_TYPE_CARD_UNBLOCKED"]) as watch:
        assert positions(watch.take()) == [MANY + 1]
        # By the heartbeat it is known that there is no other, up to the end of the log.
        while (message := next(watch._messages)).heartbeat.resume_position <= MANY:
            assert message.HasField("heartbeat")
        assert message.heartbeat.resume_position == 2 * MANY + 1


def test_watchers_that_come_and_go_leave_nothing_behind(narrow: Service, shop: Shop) -> None:
    for _ in range(100):
        with watching(shop.channel):
            pass
        Watch(shop.channel).call.cancel()
    wait_until(lambda: not narrow._events.delivery._all())  # type: ignore[union-attr]
    with watching(shop.channel) as watch:
        shop.bought()
        assert watch.take()


def test_streams_end_with_unavailable_when_the_server_drains(narrow: Service, shop: Shop) -> None:
    with ExitStack() as stack:
        watches = [stack.enter_context(watching(shop.channel)) for _ in range(10)]
        narrow._events.delivery.drain()  # type: ignore[union-attr]
        for watch in watches:
            ended = refusal(watch.end)
            assert (ended.status, ended.retry_after is not None) == (Code.UNAVAILABLE, True)
            assert ended.text == "the server is stopping"
        late = refusal(lambda: Watch(shop.channel).begun())
        assert (late.status, late.text) == (Code.UNAVAILABLE, "the server is stopping")


def test_a_server_that_stops_ends_its_streams_first(place: Place) -> None:
    service = Service(settings(place), now=Clock())
    service.start()
    with closing(grpc.insecure_channel(target_of(service))) as channel, watching(channel) as watch:
        stopping = threading.Thread(target=service.drain)
        stopping.start()
        ended = refusal(watch.end)
        stopping.join()
    assert (ended.status, ended.text) == (Code.UNAVAILABLE, "the server is stopping")


@pytest.mark.one_database
def test_a_connection_that_is_closed_for_its_age_ends_its_streams_as_unavailable(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grpc_server, "AGE_GRACE_SECONDS", 1)  # A minute, for short calls.
    with (
        running(settings(place, connection_age_seconds=1), Clock()) as service,
        shop_at(target_of(service)) as shop,
        watching(shop.channel) as watch,
    ):
        assert refusal(watch.end).status is Code.UNAVAILABLE
        with watching(shop.channel) as again:
            shop.bought()
            assert again.take()


@pytest.mark.one_database
def test_more_watchers_than_the_limit_are_sent_elsewhere(place: Place) -> None:
    with (
        running(settings(place, event_watchers=2), Clock()) as service,
        shop_at(target_of(service)) as shop,
        watching(shop.channel),
    ):
        with watching(shop.channel):
            late = refusal(lambda: Watch(shop.channel).begun())
            assert (late.status, late.retry_after is not None) == (Code.UNAVAILABLE, True)
        wait_until(lambda: value(service, "giftcard_event_watchers") == 1)
        with watching(shop.channel):
            pass


@pytest.mark.one_database
def test_a_database_that_fails_ends_the_streams(narrow: Service, shop: Shop) -> None:
    delivery = narrow._events.delivery  # type: ignore[union-attr]
    with watching(shop.channel) as watch:
        wait_until(lambda: delivery._tail is not None)
        delivery._log._database.execute_sql("DROP TABLE event_generation")
        ended = refusal(watch.end)
    assert (ended.status, ended.retry_after is not None) == (Code.UNAVAILABLE, True)


@pytest.mark.one_database
def test_a_caller_that_loses_its_role_is_told_nothing_more(tmp_path: Path) -> None:
    mutual = Mutual(tmp_path)
    with_callers = settings(mutual.folder, **mutual.settings, callers=CALLERS)
    with (
        running(with_callers, Clock()) as service,
        mutual.channel(target_of(service), mutual.of(uri("events"))) as channel,
        watching(channel) as watch,
    ):
        # It stays a known caller, with another role.
        known = service._settings.callers
        events, support = (f"{TRUST_DOMAIN}/{role}" for role in ("events", "support"))
        service._interceptor._callers.replace({**known, events: known[support]})
        ended = refusal(watch.end)
    assert ended.status is Code.PERMISSION_DENIED


ALLOWED: Final[dict[str, Any]] = {
    "grpc_listen": "0.0.0.0:0",
    "allow_plaintext_grpc": True,
    "allow_unauthenticated_callers": True,
}


@pytest.mark.one_database
def test_events_are_not_served_off_loopback_without_certificates_of_callers(
    tmp_path: Path,
) -> None:
    with (
        running(settings(tmp_path, **ALLOWED), Clock()) as service,
        shop_at(target_of(service)) as shop,
    ):
        assert shop.call(sent.issue()).code
        for ask in (lambda: read(shop.channel), lambda: Watch(shop.channel).begun()):
            assert refusal(ask).status is Code.UNIMPLEMENTED


@pytest.mark.one_database
def test_events_are_served_off_loopback_to_callers_with_certificates(tmp_path: Path) -> None:
    mutual = Mutual(tmp_path)
    everywhere = {**mutual.settings, "grpc_listen": "0.0.0.0:0", "callers": CALLERS}
    everywhere |= {"erasure_journal": tmp_path / "erasures.jsonl"}  # For the role `privacy`.
    with (
        running(settings(mutual.folder, **everywhere), Clock()) as service,
        mutual.channel(target_of(service), mutual.of(uri("events"))) as channel,
    ):
        assert read(channel).last_position == 0
