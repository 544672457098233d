"""The markets of a running server, with what operators have stopped in each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_rules.terms import Market

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from giftcard_storage.switches.pauses import Pause

log = structlog.get_logger(__name__)

# A pause holds on every server within two seconds.
LOOK_SECONDS: Final = 1.0


class PausedMarkets(Mapping[str, Market]):
    """The markets by name. `look` takes in what is stopped; each batch sees one state of it.

    While the database does not answer, what was read last holds.
    """

    def __init__(
        self, markets: Mapping[str, Market], pauses: Callable[[], Sequence[Pause]]
    ) -> None:
        self._running = dict(markets)
        self._markets = self._running
        self._pauses = pauses
        self._known: dict[tuple[str, str], Pause] = {}

    def look(self) -> None:
        """Read what is stopped now, and log what has changed. Raises `StorageError`."""
        found = {(pause.market, pause.act.value): pause for pause in self._pauses()}
        if found == self._known:
            return
        for key in found.keys() - self._known.keys():
            pause = found[key]
            stopped = {"market": pause.market, "act": pause.act.value}
            log.warning("paused", **stopped, actor=pause.actor, ground=pause.ground)
        for market, act in self._known.keys() - found.keys():
            log.warning("resumed", market=market, act=act)
        self._known = found
        self._markets = {
            name: replace(
                market,
                paused=frozenset(each.act for each in found.values() if each.market == name),
            )
            for name, market in self._running.items()
        }

    def __getitem__(self, name: str) -> Market:
        """Return a market as it is now."""
        return self._markets[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names of the markets."""
        return iter(self._markets)

    def __len__(self) -> int:
        """Return how many markets there are."""
        return len(self._markets)
