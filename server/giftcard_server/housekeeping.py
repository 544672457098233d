"""Booking what time has done to cards that nobody asks about.

No rule waits for this: every command looks at a card through `settle`. It is here so that
the ledger shows holds that lapsed and cards that expired soon after they did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from giftcard_rules.commands import Settle
from giftcard_server.batching import GoneError, OverloadedError
from giftcard_server.committer import ContendedError, Submission
from giftcard_server.recurring import Recurring
from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from giftcard_server.committer import Committer

CARDS_AT_ONCE: Final = 500


class Housekeeping(Recurring):
    """Settles the cards that are due, every so many seconds.

    `due` returns the ids of at most as many cards as it is asked for.
    """

    def __init__(
        self, due: Callable[[int], Sequence[str]], committer: Committer, every_seconds: float
    ) -> None:
        put_off_by = (StorageError, OverloadedError, ContendedError, GoneError)
        super().__init__("housekeeping", self.settle, every_seconds, put_off_by)
        self._due = due
        self._committer = committer

    def settle(self) -> int:
        """Settle all cards that are due now, among the callers' commands, and count them."""
        settled = 0
        while not self.stopping.is_set():
            card_ids = self._due(CARDS_AT_ONCE)
            for card_id in card_ids:
                self._committer.submit(
                    Submission(Settle(card_id), "", lambda _key_id: b""), self.stopping.is_set
                )
                settled += 1
            if len(card_ids) < CARDS_AT_ONCE:
                break
        return settled
