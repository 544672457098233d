"""The client reads and watches the log of the real server, and resumes by itself."""

import itertools
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from os import kill

import grpc
import pytest

from conftest import StartServer
from giftcard.v1.event_service_pb2 import WatchEventsRequest
from giftcard.v1.event_service_pb2_grpc import EventServiceStub
from giftcard_client import (
    CardState,
    Event,
    Events,
    EventType,
    GenerationChanged,
    GiftCards,
    InvalidRequest,
    Money,
    PaymentMethod,
    PositionAhead,
    PositionGone,
    Purchase,
    ReverseReason,
    Unavailable,
)
from giftcard_client.event_stream import event_stream
from given.calls.shop import TIMEOUT_SECONDS
from given.calls.watching import fill, log_of
from given.checkout.shopping import BUYER, SHOPPER, Buy, order, session
from given.servers.server_process import ServerProcess
from given.waiting import wait_until

NOBODY = "127.0.0.1:1"


@pytest.fixture
def events(live_server: ServerProcess) -> Iterator[Events]:
    with Events(live_server.target, timeout_seconds=TIMEOUT_SECONDS) as client:
        yield client


def end_of(events: Events) -> int:
    return events.read(limit=1).last_position


def bought_at(server: ServerProcess) -> str:
    with GiftCards(server.target, timeout_seconds=TIMEOUT_SECONDS) as cards:
        return cards.issue(
            market="fr",
            amount=Money(5000),
            purchase=Purchase(f"purchase-{time.time_ns()}", f"psp-{time.time_ns()}"),
            purchaser=BUYER,
        ).card.card_id


def test_an_order_is_followed_from_purchase_to_refund(
    cards: GiftCards, events: Events, buy: Buy
) -> None:
    last = end_of(events)
    issued = buy(5000)
    basket = order(6000)
    held = cards.authorize(
        issued.code, market="fr", order=basket, customer=SHOPPER, attempt_key=session()
    ).authorization
    cards.capture(held.authorization_id)
    back = cards.reverse(held.authorization_id, reason=ReverseReason.DEFECTIVE).replacement
    assert back is not None
    told = list(itertools.islice(events.watch(after=last), 5))
    # Those of one card are in order; the new card's may come before the refund of the old one.
    of_card = [each for each in told if each.card_id == issued.card.card_id]
    assert [each.type for each in of_card] == [
        EventType.CARD_ISSUED,
        EventType.CARD_HELD,
        EventType.CARD_REDEEMED,
        EventType.ORDER_REFUNDED,
    ]
    sold, _, redeemed, refunded = of_card
    (reissued,) = (each for each in told if each not in of_card)
    assert reissued.type is EventType.CARD_ISSUED
    assert (sold.amount, sold.payment_method) == (Money(5000), PaymentMethod.BANK_CARD)
    assert (sold.card_state, sold.other_tender_amount) == (CardState.ACTIVE, None)
    assert (redeemed.amount, redeemed.other_tender_amount) == (Money(5000), Money(1000))
    assert (refunded.amount, refunded.other_tender_amount) == (Money(5000), Money(1000))
    assert refunded.related_card_id == reissued.card_id == back.card.card_id
    assert (reissued.related_card_id, reissued.order_id) == (issued.card.card_id, basket.order_id)
    assert abs(reissued.occur_time - datetime.now(UTC)) < timedelta(minutes=5)


def test_what_is_watched_is_what_is_read(events: Events, buy: Buy) -> None:
    last = end_of(events)
    for _ in range(5):
        buy(5000)
    watched = list(itertools.islice(events.watch(after=last), 5))
    page = events.read(after=last, limit=3)
    rest = events.read(after=page.resume_position, generation=page.generation)
    assert watched == [*page.events, *rest.events]
    assert (rest.resume_position, rest.last_position) == (last + 5, last + 5)


def test_some_types_are_read_and_watched_alone(events: Events, buy: Buy) -> None:
    last = end_of(events)
    card = buy(5000).card
    wait_until(lambda: end_of(events) > last)
    wanted = [EventType.CARD_ISSUED]
    assert [each.card_id for each in events.read(last, types=wanted).events] == [card.card_id]
    assert events.read(last, types=[EventType.CARD_EXPIRED]).events == ()
    assert next(events.watch(last, types=wanted)).card_id == card.card_id
    with pytest.raises(InvalidRequest):
        events.read(types=[EventType.UNRECOGNIZED])


def test_a_watch_goes_on_by_itself_when_its_server_ends(start_server: StartServer) -> None:
    server = start_server()
    seen: list[Event] = []
    bought = [bought_at(server)]
    with Events(server.target) as events:
        watching = threading.Thread(target=lambda: seen.extend(itertools.islice(watch, 6)))
        watch = events.watch()
        watching.start()
        for end in (server.kill, server.terminate):
            bought.append(bought_at(server))
            wait_until(lambda: len(bought) == _positions_of(server))
            end()
            server.restart()
            bought.append(bought_at(server))
        bought.append(bought_at(server))
        watching.join(TIMEOUT_SECONDS * 2)
        assert sorted(each.card_id for each in seen) == sorted(bought)
        assert [each.position for each in seen] == list(range(1, 7))
        assert events.read().events == tuple(seen)


def _positions_of(server: ServerProcess) -> int:
    with Events(server.target, timeout_seconds=TIMEOUT_SECONDS) as events:
        return end_of(events)


def test_a_consumer_is_told_from_where_it_cannot_go_on(start_server: StartServer) -> None:
    from giftcard_storage.database import DatabaseUrl  # noqa: PLC0415

    server = start_server()
    url = DatabaseUrl.parse(server.place["GIFTCARD_DATABASE_URL"])
    fill(url, 10)
    with Events(server.target, timeout_seconds=TIMEOUT_SECONDS) as events, log_of(url) as log:
        first = events.read().generation
        with pytest.raises(PositionAhead) as ahead:
            next(events.watch(after=11))
        assert ahead.value.last_position == 10
        assert log.remove_before(datetime.now(UTC) + timedelta(days=1), 4) == 4
        with pytest.raises(PositionGone) as gone:
            events.read()
        assert gone.value.oldest_position == 5
        watch = events.watch(after=4)
        assert next(watch).position == 5
        second = log.begin_generation(datetime.now(UTC), 8)
        with pytest.raises(GenerationChanged) as changed:
            list(watch)
        assert (changed.value.generation, changed.value.last_common_position) == (second, 8)
        with pytest.raises(GenerationChanged):
            events.read(after=8, generation=first)
        assert next(events.watch(after=8, generation=second)).position == 9
    for error in (ahead.value, gone.value, changed.value):
        copied = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
        assert (type(copied), vars(copied)) == (type(error), vars(error))


@pytest.mark.one_database
def test_patience_ends_where_nobody_answers() -> None:
    began = time.monotonic()
    with Events(NOBODY) as events, pytest.raises(Unavailable):
        next(events.watch(patience_seconds=0.5))
    assert time.monotonic() - began < TIMEOUT_SECONDS


@pytest.mark.one_database
def test_a_stream_on_which_nothing_comes_is_ended_but_not_a_consumer_that_is_busy(
    live_server: ServerProcess, events: Events, buy: Buy
) -> None:
    last = end_of(events)
    buy(5000)
    request = WatchEventsRequest(after_position=last)
    with (
        grpc.insecure_channel(live_server.target) as channel,
        event_stream(EventServiceStub(channel).WatchEvents, request, 0.4) as messages,
    ):
        assert next(messages).HasField("heartbeat")
        time.sleep(1.0)
        assert next(messages).HasField("event")
        # The next heartbeat comes after 5 seconds.
        with pytest.raises(grpc.RpcError) as ended:
            next(messages)
        assert ended.value.code() is grpc.StatusCode.CANCELLED


@pytest.mark.one_database
def test_a_server_that_stands_still_is_waited_for_and_then_resumed(
    start_server: StartServer,
) -> None:
    server = start_server()
    with Events(server.target) as events:
        watch = events.watch()
        bought = [bought_at(server)]
        assert next(watch).card_id == bought[0]
        kill(server.pid, signal.SIGSTOP)
        threading.Timer(1.0, kill, (server.pid, signal.SIGCONT)).start()
        bought.append(bought_at(server))
        assert next(watch).card_id == bought[1]
