"""Clients that misbehave in raw HTTP/2; the service goes on to answer others."""

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

THREADS: Final = Settings().threads_if_none_is_parked
MANY_STREAMS: Final = 10_000
GARBAGE: Final = bytes(range(256)) * 64
REFUSED_STREAM: Final = 7
ENOUGH: Final = 20  # Calls of another client meanwhile.


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("rude")) as started:
        yield started


@pytest.fixture
def rude(server: ServerProcess) -> Iterator[Callable[[], RudeClient]]:
    """Opens connections, which are closed after the test."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(RudeClient(port_of(server)))


@pytest.fixture
def shop(server: ServerProcess) -> Iterator[Shop]:
    with shop_at(server.target) as opened:
        yield opened


def port_of(server: ServerProcess) -> int:
    return int(server.target.rpartition(":")[2])


def answers(shop: Shop) -> bool:
    """Return whether a well-behaved client is answered, many times."""
    return all(shop.bought().code for _ in range(ENOUGH))


def never_begin_the_handshake(_client: RudeClient) -> None:
    """Keep a connection open and send nothing."""


def send_garbage_as_handshake(client: RudeClient) -> None:
    client.send_bytes(GARBAGE)


def begin_as_http_1(client: RudeClient) -> None:
    client.send_bytes(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")


def follow_the_handshake_with_garbage(client: RudeClient) -> None:
    client.send_bytes(PREFACE + SettingsFrame().serialize() + GARBAGE)


def claim_a_frame_of_16_megabytes(client: RudeClient) -> None:
    client.shake_hands().send_bytes(b"\xff\xff\xff\x00\x00\x00\x00\x00\x01" + GARBAGE)


def continue_what_never_began(client: RudeClient) -> None:
    client.shake_hands().send(ContinuationFrame(1, b"\x82", flags=["END_HEADERS"]))


def ping_without_end(client: RudeClient) -> None:
    client.shake_hands().send(*(PingFrame(0, b"12345678") for _ in range(100)))


# Each ends a connection: at once, or when the time for handshakes is over.
DISCONNECTED: Final = [
    pytest.param(never_begin_the_handshake, marks=pytest.mark.slow),  # It takes all of the time.
    send_garbage_as_handshake,
    begin_as_http_1,
    follow_the_handshake_with_garbage,
    claim_a_frame_of_16_megabytes,
    continue_what_never_began,
    ping_without_end,
]


@pytest.mark.parametrize("misbehave", DISCONNECTED)
def test_a_client_that_does_not_speak_http2_is_disconnected(
    rude: Callable[[], RudeClient], shop: Shop, misbehave: Callable[[RudeClient], None]
) -> None:
    client = rude()
    misbehave(client)
    assert answers(shop)
    assert client.is_closed()


def test_streams_without_messages_leave_threads_to_others(
    rude: Callable[[], RudeClient], shop: Shop
) -> None:
    clients = [rude().shake_hands() for _ in range(THREADS // STREAMS + 1)]
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
    client = rude().shake_hands()
    client.send(*(client.headers(stream, "END_HEADERS") for stream in odd(MANY_STREAMS)))
    assert answers(shop)
    first = client.wait_for(RstStreamFrame)
    assert isinstance(first, RstStreamFrame)
    assert first.error_code == REFUSED_STREAM
    assert first.stream_id > STREAMS


def test_ten_thousand_streams_that_are_reset_at_once_delay_no_other_client(
    rude: Callable[[], RudeClient], shop: Shop
) -> None:
    client = rude().shake_hands()
    for stream in odd(MANY_STREAMS):
        try:
            client.send(client.headers(stream, "END_HEADERS"), RstStreamFrame(stream, 8))
        except ConnectionError:  # The server has closed the connection.
            break
    assert answers(shop)


def test_headers_that_never_end_delay_no_other_client(
    rude: Callable[[], RudeClient], shop: Shop
) -> None:
    for _ in range(64):
        client = rude().shake_hands()
        client.send(client.headers(1))
        client.send(ContinuationFrame(1, b""))
    assert answers(shop)


def test_answers_that_a_client_does_not_read_delay_no_other_client(
    server: ServerProcess, shop: Shop
) -> None:
    whole = sent.validate().SerializeToString()
    with ExitStack() as opened:
        for _ in range(4):
            client = opened.enter_context(RudeClient(port_of(server), window=0)).shake_hands()
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
        pytest.param(a_message_byte_by_byte, marks=pytest.mark.slow),
    ],
)
def test_a_stream_that_is_too_large_or_too_slow_is_ended(
    rude: Callable[[], RudeClient], shop: Shop, misbehave: Callable[[RudeClient], None]
) -> None:
    client = rude().shake_hands()
    misbehave(client)
    assert answers(shop)
    ended = client.wait_for(RstStreamFrame)
    assert ended.stream_id == 1
    assert answers(shop)


def test_a_stream_that_never_ends_is_answered_for_its_first_message(
    rude: Callable[[], RudeClient], shop: Shop
) -> None:
    client = rude().shake_hands()
    whole = sent.validate().SerializeToString()
    client.send(client.headers(1, "END_HEADERS"))
    for _ in range(60_000 // len(whole)):  # As much as the window lets in.
        client.send(message(whole, 1))
    answered = client.wait_for(HeadersFrame)
    assert answered.stream_id == 1
    assert answers(shop)


def test_a_client_that_pings_too_often_gets_the_reason(rude: Callable[[], RudeClient]) -> None:
    client = rude()
    ping_without_end(client)
    goodbye = client.wait_for(GoAwayFrame)
    assert isinstance(goodbye, GoAwayFrame)
    assert goodbye.additional_data == b"too_many_pings"
