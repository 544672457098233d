"""Booking what time has done to cards that nobody asks about.

No rule waits for this: every command looks at a card through `settle`. It is here so that
the ledger shows holds that lapsed and cards that expired soon after they did.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_rules.commands import Settle
from giftcard_server.batching import GoneError, OverloadedError
from giftcard_server.committer import ContendedError, Submission
from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from giftcard_server.committer import Committer

log = structlog.get_logger(__name__)

CARDS_AT_ONCE: Final = 500


class Housekeeping:
    """Settles the cards that are due, every so many seconds, in a thread of its own.

    `due` returns the ids of at most as many cards as it is asked for.
    """

    def __init__(
        self, due: Callable[[int], Sequence[str]], committer: Committer, every_seconds: float
    ) -> None:
        self._due = due
        self._committer = committer
        self._every_seconds = every_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin, at once."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the card at hand."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.settle()
            except (StorageError, OverloadedError, ContendedError, GoneError) as error:
                log.warning("housekeeping put off", why=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - the next round may do better
                log.error("defect", error=type(error).__name__)  # noqa: TRY400 - texts may quote data
            self._stopping.wait(self._every_seconds)

    def settle(self) -> int:
        """Settle all cards that are due now, among the callers' commands, and count them."""
        settled = 0
        while not self._stopping.is_set():
            card_ids = self._due(CARDS_AT_ONCE)
            for card_id in card_ids:
                self._committer.submit(
                    Submission(Settle(card_id), "", lambda _key_id: b""), self._stopping.is_set
                )
                settled += 1
            if len(card_ids) < CARDS_AT_ONCE:
                break
        return settled
