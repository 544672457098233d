"""A load generator that is not the bottleneck: it writes HTTP/2 frames to a socket itself.

With grpcio's client the generator would be slower than the server. Requests are encoded before
the clock starts, and every stream is a unary gRPC call on one connection. Either a constant number
of them is in flight, or they arrive on a schedule, whatever became of those before. Every answer is
counted and its grpc-status checked: a status that is not OK makes the run void. The processor time
of the generator itself is part of a run.
"""

from __future__ import annotations

import random
import socket
import ssl
import struct
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from hpack import Decoder, Encoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 0x1, 0x1, 0x4
HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE = 1, 4
LARGEST_WINDOW: Final = 2**31 - 1
FIRST_WINDOW: Final = 65_535
FRAME_HEADER_BYTES: Final = 9
READ_BYTES: Final = 1 << 18
STALL_SECONDS: Final = 30
SEED: Final = 20_261_130


class VoidRunError(Exception):
    """The run is worthless: an answer was not OK, or the connection failed."""


class Call(NamedTuple):
    """One unary call: the method's path, and the encoded request."""

    path: str
    body: bytes


@dataclass(slots=True)
class Run:
    """The duration of a run and the latency of each chain of calls, in seconds.

    `busy` is the processor time of the generator in seconds; `messages` are the encoded answers.
    """

    seconds: float = 0.0
    busy: float = 0.0
    latencies: list[float] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class _Chain:
    """Calls that follow one another, each sent when the one before was answered."""

    calls: deque[tuple[bytes, bytes]]  # Header block and body, ready to frame.
    began: float = 0.0


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return an HTTP/2 frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _prefixed(body: bytes) -> bytes:
    """Return a message as gRPC frames it: uncompressed, after its length."""
    return struct.pack(">BI", 0, len(body)) + body


def _require_all(run: Run, chains: Sequence[Sequence[Call]]) -> None:
    if len(run.messages) != sum(map(len, chains)):
        message = f"{len(run.messages)} messages answered {sum(map(len, chains))} calls"
        raise VoidRunError(message)


class Connection:
    """One HTTP/2 connection to `host:port`, for unary calls."""

    def __init__(self, target: str, tls: ssl.SSLContext | None = None) -> None:
        host, _, port = target.rpartition(":")
        self._authority = target
        self._socket = socket.create_connection((host, int(port)))
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname=host)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(STALL_SECONDS)
        self._buffer = bytearray()
        self._next_stream = 1
        self._window = FIRST_WINDOW
        # Without a dynamic table the same header block always has the same meaning, so that
        # each block is decoded only once.
        self._decoder = Decoder()
        self._known_ok: dict[bytes, bool] = {}
        settings = struct.pack(">HIHI", HEADER_TABLE_SIZE, 0, INITIAL_WINDOW_SIZE, LARGEST_WINDOW)
        self._socket.sendall(
            PREFACE
            + frame(SETTINGS, 0, 0, settings)
            + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", LARGEST_WINDOW - FIRST_WINDOW))
        )
        self._await_settings()

    @property
    def ports(self) -> tuple[int, int]:
        """The ports of the connection: this end's, and the server's."""
        return self._socket.getsockname()[1], self._socket.getpeername()[1]

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def run(self, chains: Sequence[Sequence[Call]], in_flight: int) -> Run:
        """Send every chain, `in_flight` at a time; raise VoidRunError unless all answers are OK."""
        waiting, running, run = self._ready(chains), dict[int, _Chain](), Run()
        busy, start = time.process_time(), time.perf_counter()
        self._send(waiting, running, in_flight)
        while running:
            self._take_in(waiting, running, run)
            self._send(waiting, running, in_flight)
        run.seconds = time.perf_counter() - start
        run.busy = time.process_time() - busy
        _require_all(run, chains)
        return run

    def run_on_schedule(self, calls: Sequence[Call], per_second: float) -> Run:
        """Send calls at random times, so many a second, whether those before are answered or not.

        A latency counts from the time at which the call was due, so that a generator that is late,
        or waits for a slow server, makes no answer look fast. Raises VoidRunError like `run`.
        """
        chains = [[call] for call in calls]
        later, running, run = self._ready(chains), dict[int, _Chain](), Run()
        arrivals = random.Random(SEED)  # noqa: S311 - when callers come
        busy, start = time.process_time(), time.perf_counter()
        at = start
        for chain in later:
            at += arrivals.expovariate(per_second)
            chain.began = at
        due = deque[_Chain]()
        while later or due or running:
            now = time.perf_counter()
            while later and later[0].began <= now:
                due.append(later.popleft())
            self._send(due, running, len(chains))
            if later:
                self._socket.settimeout(max(later[0].began - time.perf_counter(), 1e-5))
            try:
                self._take_in(due, running, run)
            except TimeoutError:
                if not later:
                    raise
            finally:
                self._socket.settimeout(STALL_SECONDS)
        run.seconds = time.perf_counter() - start
        run.busy = time.process_time() - busy
        _require_all(run, chains)
        return run

    def _ready(self, chains: Sequence[Sequence[Call]]) -> deque[_Chain]:
        headers = {path: self._headers(path) for path in {c.path for ch in chains for c in ch}}
        return deque(
            _Chain(deque((headers[path], _prefixed(body)) for path, body in chain))
            for chain in chains
        )

    def _take_in(self, waiting: deque[_Chain], running: dict[int, _Chain], run: Run) -> None:
        """Wait for frames, and note what they answer."""
        for kind, flags, stream, payload in self._frames():
            if kind == DATA and payload:
                run.messages.append(payload[5:])
            elif kind == HEADERS and flags & END_STREAM:
                self._require_ok(payload)
                chain = running.pop(stream)
                if chain.calls:
                    waiting.appendleft(chain)
                else:
                    run.latencies.append(time.perf_counter() - chain.began)
            else:
                self._housekeeping(kind, flags, payload)

    def _await_settings(self) -> None:
        """Acknowledge the server's settings at once: it disconnects slow clients."""
        has_settings = False
        while not has_settings:
            for kind, flags, _, payload in self._frames():
                self._housekeeping(kind, flags, payload)
                has_settings = has_settings or (kind == SETTINGS and not flags & ACK)

    def _headers(self, method: str) -> bytes:
        pairs = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", method),
            (":authority", self._authority),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
        ]
        encoder = Encoder()
        encoder.header_table_size = 0
        block: bytes = encoder.encode(pairs, huffman=False)
        return block

    def _send(self, waiting: deque[_Chain], running: dict[int, _Chain], in_flight: int) -> None:
        out = bytearray()
        now = time.perf_counter()
        while waiting and len(running) < in_flight and len(waiting[0].calls[0][1]) <= self._window:
            chain = waiting.popleft()
            headers, body = chain.calls.popleft()
            stream, self._next_stream = self._next_stream, self._next_stream + 2
            self._window -= len(body)
            chain.began = chain.began or now
            running[stream] = chain
            out += frame(HEADERS, END_HEADERS, stream, headers)
            out += frame(DATA, END_STREAM, stream, body)
        if out:
            self._socket.sendall(out)

    def _frames(self) -> Iterator[tuple[int, int, int, bytes]]:
        read = self._socket.recv(READ_BYTES)
        if not read:
            message = "the server closed the connection"
            raise VoidRunError(message)
        buffer = self._buffer
        buffer += read
        at = 0
        while len(buffer) - at >= FRAME_HEADER_BYTES:
            length = int.from_bytes(buffer[at : at + 3], "big")
            end = at + FRAME_HEADER_BYTES + length
            if len(buffer) < end:
                break
            stream = int.from_bytes(buffer[at + 5 : at + 9], "big")
            yield buffer[at + 3], buffer[at + 4], stream, bytes(buffer[at + 9 : end])
            at = end
        del buffer[:at]

    def _require_ok(self, block: bytes) -> None:
        ok = self._known_ok.get(block)
        if ok is None:
            headers = dict(self._decoder.decode(block, raw=True))
            ok = headers.get(b"grpc-status") == b"0"
            if not ok:
                message = f"an answer was not OK: {headers}"
                raise VoidRunError(message)
            self._known_ok[block] = ok

    def _housekeeping(self, kind: int, flags: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & ACK:
            self._socket.sendall(frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self._socket.sendall(frame(PING, ACK, 0, payload))
        elif kind == WINDOW_UPDATE:
            self._window += int.from_bytes(payload, "big")
        elif kind in {GOAWAY, RST_STREAM}:
            message = f"the server ended a call or the connection: {payload.hex()}"
            raise VoidRunError(message)
