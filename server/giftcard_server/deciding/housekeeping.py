"""Books what time has done to cards for which no command arrives.

No rule depends on it, since every command looks at a card through `catch_up`. It makes the
ledger show lapsed holds and expired cards soon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from giftcard_rules.commands import CatchUp
from giftcard_server.deciding.submission import Submission
from giftcard_server.errors import UndecidedError
from giftcard_server.logs import where
from giftcard_server.recurring import Recurring
from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from giftcard_server.deciding.committer import Committer

log = structlog.get_logger(__name__)

CARDS_AT_ONCE: Final = 500


class Housekeeping(Recurring):
    """Catches up the cards that are due, every `every_seconds` seconds.

    `due` takes a limit and returns the ids of at most as many cards.
    """

    def __init__(
        self, due: Callable[[int], Sequence[str]], committer: Committer, every_seconds: float
    ) -> None:
        postponed_by = (StorageError, UndecidedError)
        super().__init__("housekeeping", self.catch_up, every_seconds, postponed_by)
        self._due = due
        self._committer = committer

    def catch_up(self) -> int:
        """Catch up all cards that are due now, among callers' commands; return how many."""
        caught_up = 0
        while not self.stopping.is_set():
            card_ids = self._due(CARDS_AT_ONCE)
            caught_up_now = sum(self._catch_up_one(card_id) for card_id in card_ids)
            caught_up += caught_up_now
            if len(card_ids) < CARDS_AT_ONCE or not caught_up_now:
                break
        return caught_up

    def _catch_up_one(self, card_id: str) -> bool:
        """Catch up a card and return whether it worked; a defect is logged."""
        submission = Submission(CatchUp(card_id))
        try:
            self._committer.submit(submission, self.stopping.is_set)
        except self.postponed_by:
            raise
        except Exception as error:  # noqa: BLE001 - the other cards do not depend on this one
            log.error("defect", card_id=card_id, error=where(error))  # noqa: TRY400 - without its text
            return False
        return True
