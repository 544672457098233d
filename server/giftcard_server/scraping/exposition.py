"""The text of all figures for scrapes: made anew, or kept where scrapes ask for it too often."""

from __future__ import annotations

import gzip
import threading
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from prometheus_client.exposition import choose_encoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

# Of the time of one core, for making texts. Prometheus every 15 s takes far less, and never meets
# a text that was kept.
SHARE: Final = 0.005
# What may be used at once, after a time with few scrapes: about a hundred texts.
BURST_SECONDS: Final = 2.0
# No text is older, however often it is asked for.
LONGEST_SECONDS: Final = 5.0
# More scrapes wait for a text at a time than this are refused: it reads the database.
AT_ONCE: Final = 4
# The fastest; it makes a tenth of the text, as most of it is names.
_GZIP_LEVEL: Final = 1

_choose = lru_cache(maxsize=64)(choose_encoder)


class Text(NamedTuple):
    """A text as it is sent, with its headers `Content-Type` and `Content-Encoding` ("" is none)."""

    encoded: bytes
    content_type: str
    coding: str
    made_at: float


class Exposition:
    """The text of a registry, in each format that scrapes ask for. Any thread may ask.

    `now` counts seconds, `used` those of the processor in this thread.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        now: Callable[[], float] = time.monotonic,
        used: Callable[[], float] = time.thread_time,
    ) -> None:
        self._registry = registry
        self._now = now
        self._used = used
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._credit, self._credited_at = BURST_SECONDS, now()
        self._texts: dict[tuple[str, str], Text] = {}

    def text(self, accept: str, accept_encoding: str) -> Text | None:
        """Return the text that two headers of a request ask for; None where too many wait for one.

        Every text that is made counts against the share of a core. Once that is used up, texts are
        kept until there is some of it again, and for `LONGEST_SECONDS` at most.
        """
        kept = self.kept(accept, accept_encoding)
        if kept is not None:
            return kept
        if not self._room.acquire(blocking=False):
            return None
        began = self._used()
        try:
            made = self._made(accept, accept_encoding)
        finally:
            self._room.release()
            with self._lock:
                self._credit -= self._used() - began
        with self._lock:
            self._texts[made.content_type, made.coding] = made
        return made

    def kept(self, accept: str, accept_encoding: str) -> Text | None:
        """Return the text that is kept, unless there is none or another one may be made."""
        _, content_type = _choose(accept)
        now = self._now()
        with self._lock:
            earned = (now - self._credited_at) * SHARE
            self._credit, self._credited_at = min(BURST_SECONDS, self._credit + earned), now
            text = self._texts.get((content_type, _coding(accept_encoding)))
            if text is None or self._credit > 0 or now - text.made_at >= LONGEST_SECONDS:
                return None
            return text

    def _made(self, accept: str, accept_encoding: str) -> Text:
        encode, content_type = _choose(accept)
        encoded, coding = encode(self._registry), _coding(accept_encoding)
        if coding:
            encoded = gzip.compress(encoded, _GZIP_LEVEL)
        return Text(encoded, content_type, coding, self._now())


def _coding(accept_encoding: str) -> str:
    asked = (each.partition(";")[0].strip() for each in accept_encoding.lower().split(","))
    return "gzip" if "gzip" in asked else ""
