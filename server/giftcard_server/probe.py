"""A probe of whether the database answers and lets this version write, for readiness."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from giftcard_storage import database, overview
from giftcard_storage.errors import FencedOffError, StorageError

if TYPE_CHECKING:
    from giftcard_storage.database import DatabaseUrl

# A database that takes longer counts as away: those who ask for readiness wait one second.
WITHIN_SECONDS: Final = 0.8
NO_ANSWER: Final = "the database does not answer"


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
