"""Books what time has done to cards for which no command arrives.

No rule depends on it, since every command looks at a card through `catch_up`. It makes the
ledger show lapsed holds and expired cards soon.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_rules.commands import CatchUp
from giftcard_server.deciding.submission import Submission
from giftcard_server.errors import UndecidedError
from giftcard_server.logs import where
from giftcard_server.recurring import Recurring
from giftcard_storage.errors import LockedError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from giftcard_server.deciding.committer import Committer

log = structlog.get_logger(__name__)

# Of the cards that are due, a part is caught up before looking again. It is drawn by chance, so
# that servers of one database seldom choose the same cards at the same time.
CARDS_SEEN: Final = 2500
CARDS_DRAWN: Final = 250
# So many cards share a batch with callers' commands, which wait for them.
CARDS_TOGETHER: Final = 20
# Between two such batches, as a multiple of the time that the first one took: where callers keep
# the committer busy, a batch takes long, and most batches are theirs alone.
PAUSE_TIMES: Final = 1.0


class Housekeeping(Recurring):
    """Catches up the cards that are due, every `every_seconds` seconds.

    `due` takes a limit and returns the ids of at most as many cards. So many cards as `together`
    says must find room among the commands that wait.
    """

    def __init__(
        self,
        due: Callable[[int], Sequence[str]],
        committer: Committer,
        every_seconds: float,
        together: int = CARDS_TOGETHER,
    ) -> None:
        postponed_by = (StorageError, UndecidedError)
        super().__init__("housekeeping", self.catch_up, every_seconds, postponed_by)
        self._due = due
        self._committer = committer
        self._together = together

    def catch_up(self) -> int:
        """Catch up all cards that are due now, among callers' commands; return how many."""
        caught_up = 0
        while not self.stopping.is_set():
            found = self._due(CARDS_SEEN)
            drawn = random.sample(found, min(len(found), CARDS_DRAWN))
            caught_up_now = sum(
                self._catch_up_together(drawn[start : start + self._together])
                for start in range(0, len(drawn), self._together)
            )
            caught_up += caught_up_now
            if len(found) <= CARDS_DRAWN or not caught_up_now:
                break
        return caught_up

    def _catch_up_together(self, card_ids: Sequence[str]) -> int:
        """Catch up cards, leave others their time, and return for how many it worked.

        Defects are logged. A card that another program has locked waits for the next round.
        Raises any other error by which the task is postponed.
        """
        submissions = [Submission(CatchUp(card_id)) for card_id in card_ids]
        began = time.monotonic()
        errors = self._committer.submit_all(submissions, self.stopping.is_set)
        pause_seconds = PAUSE_TIMES * (time.monotonic() - began)
        for card_id, error in zip(card_ids, errors, strict=True):
            if isinstance(error, LockedError):
                continue
            if isinstance(error, self.postponed_by):
                raise error
            if error is not None:  # The other cards do not depend on this one.
                log.error("defect", card_id=card_id, error=where(error))  # Without its text.
        self.stopping.wait(pause_seconds)
        return errors.count(None)
