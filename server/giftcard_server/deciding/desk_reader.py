"""Answers what Customer Service asks, on a connection of its own, one question at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar, cast

from giftcard_server.deciding.batching import Batcher

if TYPE_CHECKING:
    from collections.abc import Sequence

    from giftcard_server.deciding.batching import Entry

Answer = TypeVar("Answer")
Question = Callable[[], object]

# People at desks ask seldom; more than these at a time are no desk's, and are told to wait.
WAITING_LIMIT: Final = 32
BATCH_LIMIT: Final = 8


class DeskReader:
    """Runs questions in turn, so that the connection which they use is never used by two threads.

    No other call uses that connection, so a long timeline delays no payment.
    """

    def __init__(self) -> None:
        self._batcher: Batcher[Question, object] = Batcher(
            self._run, waiting_limit=WAITING_LIMIT, batch_limit=BATCH_LIMIT
        )

    def ask(self, question: Callable[[], Answer], gone: Callable[[], bool]) -> Answer:
        """Return the answer to a question. Raises what it raises, and `UndecidedError`."""
        return cast("Answer", self._batcher.submit(question, gone))

    def _run(self, entries: Sequence[Entry[Question, object]]) -> None:
        for entry in entries:
            try:
                entry.succeed(entry.item())
            except Exception as error:  # noqa: BLE001 - one question's error shall not fail the others
                entry.fail(error)
