"""Scrapes: figures are fresh for whoever asks now and then, and cost little however often."""

import gzip
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pytest
from prometheus_client import CollectorRegistry, Counter

from giftcard_server.callers.callers import Callers
from giftcard_server.ops_http import HttpServer
from giftcard_server.scraping import exposition
from giftcard_server.scraping.exposition import LONGEST_SECONDS, Exposition

COSTS_SECONDS: Final = 0.125  # Sums of it are exact.
PLAIN: Final = ("text/plain", "")


class Scraped:
    """A registry with one counter of scrapes, on clocks of the test."""

    def __init__(self) -> None:
        self.now = 0.0
        self._used = 0.0
        registry = CollectorRegistry()
        self.counter = Counter("calls", "Calls.", registry=registry)
        self.exposition = Exposition(registry, lambda: self.now, self._used_so_far)

    def _used_so_far(self) -> float:
        self._used += COSTS_SECONDS  # Asked before and after each text that is made.
        return self._used

    def is_fresh(self) -> bool:
        """Count a call, and return whether a scrape shows it."""
        self.counter.inc()
        text = self.exposition.text(*PLAIN)
        assert text is not None
        return f"calls_total {self.counter._value.get()}".encode() in text.encoded


def test_texts_are_fresh_within_their_share_of_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "BURST_SECONDS", 2 * COSTS_SECONDS)
    scraped = Scraped()
    assert [scraped.is_fresh() for _ in range(4)] == [True, True, False, False]
    scraped.now += 1  # Something is earned again, and the next text is on credit.
    assert [scraped.is_fresh() for _ in range(3)] == [True, False, False]
    scraped.now += LONGEST_SECONDS / 2
    assert not scraped.is_fresh()
    scraped.now += LONGEST_SECONDS / 2
    assert scraped.is_fresh()


@pytest.fixture
def server() -> Iterator[HttpServer]:
    """A server whose share is used up, with a text that is kept in both codings."""
    registry = CollectorRegistry()
    Counter("calls", "Calls.", registry=registry)
    nobody = Callers(None)
    made = HttpServer("127.0.0.1:0", registry, lambda: "", nobody)
    made._server.exposition.text("", "")
    made._server.exposition.text("", "gzip")
    made._server.exposition._credit = -1.0
    made.start()
    yield made
    made.stop()


REQUESTS: Final = (
    ([b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"], 200, ""),
    ([b"GET /metrics HTTP/1.1\r\nHost: x\r\naccept-ENCODING: br, gzip;q=0.5\r\n\r\n"], 200, "gzip"),
    ([b"GET /metrics HTTP/1.1\r\nHo", b"st: x\r\nAccept-Encoding: gzip\r\n\r\n"], 200, "gzip"),
    ([b"GET /metrics?name[]=calls HTTP/1.1\r\nHost: x\r\n\r\n"], 200, ""),
    ([b"GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n"], 404, None),
    ([b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"], 200, None),
    ([b"POST /metrics HTTP/1.1\r\nHost: x\r\n\r\n"], 501, None),
    ([b"nonsense\r\n\r\n"], 400, None),
)


@pytest.mark.parametrize(("parts", "status", "coding"), REQUESTS)
def test_a_kept_text_answers_scrapes_however_they_arrive(
    server: HttpServer, parts: list[bytes], status: int, coding: str | None
) -> None:
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=20)) as connection:
        for part in parts:
            connection.sendall(part)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f" {status} ".encode() in head.partition(b"\r\n")[0] + b" "
    if coding is not None:
        assert (b"Content-Encoding: gzip" in head) is bool(coding)
        text = gzip.decompress(body) if coding else body
        assert b"# TYPE calls_total counter" in text
        assert f"Content-Length: {len(body)}".encode() in head
