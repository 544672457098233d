"""Clients that misbehave, in raw HTTP/2: the service goes on answering others."""

import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Final

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)

from giftcard_server.edge.grpc_server import MESSAGE_BYTES, METADATA_BYTES, STREAMS
from giftcard_server.settings import Settings
from given.calls import sent
from given.calls.rude_client import PREFACE, RudeClient, message, odd
from given.calls.shop import Shop, shop_at
from given.servers.server_process import ServerProcess

pytestmark = pytest.mark.one_database

THREADS: Final = Settings.model_fields["rpc_threads"].default
MANY_STREAMS: Final = 10_000
GARBAGE: Final = bytes(range(256)) * 64
REFUSED_STREAM: Final = 7
ENOUGH: Final = 20  # Calls of somebody else, meanwhile.


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("rude")) as started:
        yield started


@pytest.fixture
def rude(server: ServerProcess) -> Iterator[Callable[[], RudeClient]]:
    """Opens connections, which are gone after the test."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(RudeClient(port_of(server)))


@pytest.fixture
def shop(server: ServerProcess) -> Iterator[Shop]:
    with shop_at(server.target) as opened:
        yield opened


def port_of(server: ServerProcess) -> int:
    return int(server.target.rpartition(":")[2])


def answers(shop: Shop) -> bool:
    """Whether somebody who behaves is answered, many times."""
    return all(shop.bought().code for _ in range(ENOUGH))


def say_nothing(_client: RudeClient) -> None:
    """Keep a connection, and never greet."""


def greet_with_garbage(client: RudeClient) -> None:
    client.send_bytes(GARBAGE)


def greet_as_http_1(client: RudeClient) -> None:
    client.send_bytes(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")


def follow_the_greeting_with_garbage(client: RudeClient) -> None:
    client.send_bytes(PREFACE + SettingsFrame().serialize() + GARBAGE)


def claim_a_frame_of_16_megabytes(client: RudeClient) -> None:
    client.greet().send_bytes(b"\xff\xff\xff\x00\x00\x00\x00\x00\x01" + GARBAGE)


def continue_what_never_began(client: RudeClient) -> None:
    client.greet().send(ContinuationFrame(1, b"\x82", flags=["END_HEADERS"]))


def ping_without_end(client: RudeClient) -> None:
    client.greet().send(*(PingFrame(0, b"12345678") for _ in range(100)))


# What ends a connection, and how soon: at once, or when the time for greetings is over.
HUNG_UP_ON: Final = [
    say_nothing,
    greet_with_garbage,
    greet_as_http_1,
    follow_the_greeting_with_garbage,
    claim_a_frame_of_16_megabytes,
    continue_what_never_began,
    ping_without_end,
]


@pytest.mark.parametrize("misbehave", HUNG_UP_ON)
def test_who_does_not_speak_http2_is_hung_up_on(
    rude: Callable[[], RudeClient], shop: Shop, misbehave: Callable[[RudeClient], None]
) -> None:
    client = rude()
    misbehave(client)
    assert answers(shop)
    assert client.is_closed()


def test_streams_without_messages_leave_threads_to_others(
    rude: Callable[[], RudeClient], shop: Shop
) -> None:
    clients = [rude().greet() for _ in range(THREADS // STREAMS + 1)]
    for client in clients:
        client.send(*(client.headers(stream, "END_HEADERS") for stream in odd(STREAMS)))
    assert answers(shop)
    # So many would have taken every thread for good.
    for client in clients:
        ended = {client.wait_for(RstStreamFrame).stream_id for _ in odd(STREAMS)}
        assert ended == set(odd(STREAMS))
    assert answers(shop)


def test_ten_thousand_streams_on_a_connection_are_mostly_refused(
    rude: Callable[[], RudeClient], shop: Shop
) -> None:
    client = rude().greet()
    client.send(*(client.headers(stream, "END_HEADERS") for stream in odd(MANY_STREAMS)))
    assert answers(shop)
    first = client.wait_for(RstStreamFrame)
    assert isinstance(first, RstStreamFrame)
    assert first.error_code == REFUSED_STREAM
    assert first.stream_id > STREAMS


def test_ten_thousand_streams_that_are_reset_at_once_keep_nobody_waiting(
    rude: Callable[[], RudeClient], shop: Shop
) -> None:
    client = rude().greet()
    for stream in odd(MANY_STREAMS):
        try:
            client.send(client.headers(stream, "END_HEADERS"), RstStreamFrame(stream, 8))
        except ConnectionError:  # The server has had enough of it.
            break
    assert answers(shop)


def test_headers_that_never_end_keep_nobody_waiting(
    rude: Callable[[], RudeClient], shop: Shop
) -> None:
    for _ in range(64):
        client = rude().greet()
        client.send(client.headers(1))
        client.send(ContinuationFrame(1, b""))
    assert answers(shop)


def test_answers_that_nobody_takes_keep_nobody_waiting(server: ServerProcess, shop: Shop) -> None:
    whole = sent.validate().SerializeToString()
    with ExitStack() as opened:
        for _ in range(4):
            client = opened.enter_context(RudeClient(port_of(server), window=0)).greet()
            for stream in odd(STREAMS):
                client.send(client.headers(stream, "END_HEADERS"))
                client.send(message(whole, stream, "END_STREAM"))
        assert answers(shop)


def length_beyond_the_limit(client: RudeClient) -> None:
    client.send(client.headers(1, "END_HEADERS"))
    client.send(DataFrame(1, struct.pack(">BI", 0, MESSAGE_BYTES + 1)))


def length_of_4_gigabytes(client: RudeClient) -> None:
    client.send(client.headers(1, "END_HEADERS"))
    client.send(DataFrame(1, struct.pack(">BI", 0, 0xFFFFFFFF)))


def metadata_beyond_the_limit(client: RudeClient) -> None:
    more = [(f"x-{number}", "x" * 1000) for number in range(METADATA_BYTES // 1000 + 1)]
    client.send(client.headers(1, "END_HEADERS", "END_STREAM", more=more))


def a_message_byte_by_byte(client: RudeClient) -> None:
    client.send(client.headers(1, "END_HEADERS"))
    client.send(*(DataFrame(1, bytes(1)) for _ in range(4)))


@pytest.mark.parametrize(
    "misbehave",
    [
        length_beyond_the_limit,
        length_of_4_gigabytes,
        metadata_beyond_the_limit,
        a_message_byte_by_byte,
    ],
)
def test_what_is_too_large_or_too_slow_is_ended(
    rude: Callable[[], RudeClient], shop: Shop, misbehave: Callable[[RudeClient], None]
) -> None:
    client = rude().greet()
    misbehave(client)
    assert answers(shop)
    ended = client.wait_for(RstStreamFrame)
    assert ended.stream_id == 1
    assert answers(shop)


def test_a_stream_that_never_ends_is_answered_for_its_first_message(
    rude: Callable[[], RudeClient], shop: Shop
) -> None:
    client = rude().greet()
    whole = sent.validate().SerializeToString()
    client.send(client.headers(1, "END_HEADERS"))
    for _ in range(60_000 // len(whole)):  # As much as the window lets in.
        client.send(message(whole, 1))
    answered = client.wait_for(HeadersFrame)
    assert answered.stream_id == 1
    assert answers(shop)


def test_who_pings_too_often_is_told_why(rude: Callable[[], RudeClient]) -> None:
    client = rude()
    ping_without_end(client)
    told = client.wait_for(GoAwayFrame)
    assert isinstance(told, GoAwayFrame)
    assert told.additional_data == b"too_many_pings"
