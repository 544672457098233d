"""Books back what a wrong clock has booked: some cards at a time, each in one transaction.

A server may run beside it: what it has changed meanwhile is found by versions, and looked at anew.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from giftcard_rules.decide import decide
from giftcard_rules.ledger import PostingKind
from giftcard_rules.operator_commands import Reinstate, Reinstated, WhyLeft
from giftcard_server.deciding.committer import PAUSE_SECONDS, TRIES
from giftcard_server.errors import ContendedError
from giftcard_storage.errors import StaleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from giftcard_rules.current import Markets
    from giftcard_rules.decisions import Decision
    from giftcard_rules.facts import Facts
    from giftcard_storage.early import Lapse
    from giftcard_storage.store import Store

CARDS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An expiry or a lapse that was booked too early; it is undone unless there is a `why_left`.

    `ends_at` is when the card expires or the hold lapses. Amounts are minor units of `currency`.
    """

    card_id: str
    kind: PostingKind
    amount_minor: int
    currency: str
    ends_at: datetime
    authorization_id: str | None = None
    why_left: WhyLeft | None = None


class Reinstating:
    """Undoes early expiries and lapses, on the connection of `store`.

    `last_lapses` returns, by card, the hold whose lapse was the last move of the card; it reads on
    that connection too. `now` is the time, by a clock that is right.
    """

    def __init__(
        self,
        store: Store,
        last_lapses: Callable[[Sequence[str]], dict[str, str]],
        markets: Markets,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._last_lapses = last_lapses
        self._markets = markets
        self._now = now

    def run(
        self, lapses: Mapping[str, Sequence[Lapse]], expired: Sequence[str], *, dry: bool
    ) -> Iterator[Entry]:
        """Undo what can be undone of cards with these early lapses and expiries, and yield it all.

        Each entry is durable when it is yielded; with `dry`, nothing is changed. Raises
        `StorageError`, `ContendedError` and `ClockWrongError`.
        """
        card_ids = sorted({*lapses, *expired})
        for start in range(0, len(card_ids), CARDS_AT_ONCE):
            some = card_ids[start : start + CARDS_AT_ONCE]
            yield from self._undo_some({each: lapses.get(each, ()) for each in some}, dry=dry)

    def _undo_some(self, lapses: Mapping[str, Sequence[Lapse]], *, dry: bool) -> list[Entry]:
        """Decide about some cards again until that is committed, or fail after `TRIES`."""
        for attempt in range(TRIES):
            try:
                with self._store.snapshot() if dry else self._store.transaction():
                    return self._decide(lapses, dry=dry)
            except StaleError:  # A server has changed one of the cards meanwhile.
                time.sleep(random.uniform(0, PAUSE_SECONDS * 2**attempt))  # noqa: S311 - jitter
        raise ContendedError

    def _decide(self, lapses: Mapping[str, Sequence[Lapse]], *, dry: bool) -> list[Entry]:
        now, last = self._now(), self._last_lapses(list(lapses))
        commands = [_command(card_id, of, last.get(card_id)) for card_id, of in lapses.items()]
        loaded = self._store.load(commands)
        facts, decisions, entries = loaded.facts, [], list[Entry]()
        for command in commands:
            decision = decide(command, facts, self._markets, now)
            facts.apply(decision)
            entries += _entries(command, decision, facts, lapses[command.card_id])
            if decision.cards:
                decisions.append(decision)
        if decisions and not dry:
            self._store.save(loaded, decisions, [], now)
        return entries


def _command(card_id: str, lapses: Sequence[Lapse], last_lapse: str | None) -> Reinstate:
    for lapse in lapses:
        if lapse.authorization_id == last_lapse:
            return Reinstate(card_id=card_id, lapsed_id=last_lapse, order_id=lapse.order_id)
    return Reinstate(card_id=card_id)


def _entries(
    command: Reinstate, decision: Decision, facts: Facts, lapses: Sequence[Lapse]
) -> Iterator[Entry]:
    """Yield what a decision undoes of a card, and what it leaves."""
    outcome = decision.outcome
    assert isinstance(outcome, Reinstated)
    card = facts.cards[command.card_id]
    undone = {posting.authorization_id for posting in decision.postings}
    if None in undone:
        yield Entry(
            card_id=card.card_id,
            kind=PostingKind.REINSTATE,
            amount_minor=card.initial_minor,
            currency=card.currency,
            ends_at=card.expires_at,
        )
    for lapse in lapses:
        is_last = lapse.authorization_id == command.lapsed_id
        why_left = outcome.why_left if is_last else WhyLeft.CARD_HAS_MOVED
        if lapse.authorization_id in undone or why_left is not None:
            yield Entry(
                card_id=card.card_id,
                kind=PostingKind.REHOLD,
                authorization_id=lapse.authorization_id,
                amount_minor=lapse.authorized_minor,
                currency=card.currency,
                ends_at=lapse.expires_at,
                why_left=why_left,
            )
