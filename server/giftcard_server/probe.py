"""A probe of whether the database answers and lets this version write, for readiness."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from prometheus_client import Gauge
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from giftcard_storage import database, overview
from giftcard_storage.errors import FencedOffError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

    from giftcard_storage.database import DatabaseUrl

# A database that takes longer counts as away: those who ask for readiness wait one second.
WITHIN_SECONDS: Final = 0.8
NO_ANSWER: Final = "the database does not answer"
# However often it is scraped, the database is asked once in so many seconds.
KEPT_SECONDS: Final = 1.0


class Probe:
    """Has a connection and a thread of its own, so that it never waits for commands.

    Any thread may ask it, and gets an answer in time. Raises `StorageError` when made.
    """

    def __init__(self, url: DatabaseUrl) -> None:
        self._connection = database.connect(url)
        self._lock = threading.Lock()  # Never held while the database is asked.
        self._question: Future[str] | None = None
        self._questions: SimpleQueue[Future[str] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._answer, name="probe", daemon=True)
        self._thread.start()

    def why_not_ready(self) -> str:
        """Return why commands cannot be decided now; empty if they can.

        Threads that ask at once share one answer.
        """
        with self._lock:
            if self._question is None or self._question.done():
                self._question = Future()
                self._questions.put(self._question)
            question = self._question
        try:
            return question.result(WITHIN_SECONDS)
        except TimeoutError:
            return NO_ANSWER

    def close(self) -> None:
        """Close the connection; a connection that hangs is left to the end of the process."""
        self._questions.put(None)
        self._thread.join(WITHIN_SECONDS)

    def _answer(self) -> None:
        while (question := self._questions.get()) is not None:
            try:
                overview.has_cards(self._connection)
                database.require_unfenced(self._connection)
            except FencedOffError as error:
                question.set_result(str(error))
            except StorageError:
                question.set_result(NO_ANSWER)
            except Exception as error:  # noqa: BLE001 - the thread that asked raises it
                question.set_exception(error)
            else:
                question.set_result("")
        database.close(self._connection)


def connections_gauge(registry: CollectorRegistry) -> Gauge:
    """Return the gauge of connections; of workers it is their sum, without the supervisor's."""
    return Gauge(
        "giftcard_database_connections",
        "Connections to the database that the processes that answer calls have open.",
        registry=registry,
        multiprocess_mode="livesum",
    )


class DatabaseCollector(Collector):
    """Whether the database is up, and how long it took to say so, asked at a scrape."""

    def __init__(
        self, why_not_ready: Callable[[], str], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._why_not_ready = why_not_ready
        self._now = now
        self._lock = threading.Lock()
        self._asked_at: float | None = None
        self._is_up = False
        self._seconds = 0.0

    def collect(self) -> Iterator[Metric]:
        """Yield two gauges; the second one only where there was an answer."""
        with self._lock:
            now = self._now()
            if self._asked_at is None or now - self._asked_at >= KEPT_SECONDS:
                self._is_up = not self._why_not_ready()
                self._asked_at, self._seconds = now, self._now() - now
            is_up, seconds = self._is_up, self._seconds
        up, answer = self._gauges()
        up.add_metric((), int(is_up))
        if is_up:
            answer.add_metric((), seconds)
        yield from (up, answer)

    def describe(self) -> Iterator[Metric]:
        """Yield the gauges without figures, as registering must not ask the database."""
        yield from self._gauges()

    def _gauges(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        return (
            GaugeMetricFamily(
                "giftcard_database_up",
                "1 while the database answers and lets this version write, else 0.",
            ),
            GaugeMetricFamily(
                "giftcard_database_answer_seconds",
                "Seconds that the database took to answer a short question; absent while it is"
                " down.",
            ),
        )
