"""A server with cards that can be authorized on it."""

from __future__ import annotations

from dataclasses import dataclass

from loads.filling import Deck
from loads.messages import authorize, new_id
from loads.servers import Server
from results import Sample


@dataclass(frozen=True, slots=True)
class Shop:
    """A server, and the cards that can still be authorized on it."""

    name: str
    server: Server
    deck: Deck
    busy_calls: int

    def authorize(self, calls: int, in_flight: int) -> Sample:
        """Authorize this many cards, each for an order of its own."""
        chains = [[authorize(new_id(), code)] for code in self.deck.take(calls)]
        return Sample.of_run(self.server.run(chains, in_flight))

    def authorize_on_schedule(self, calls: int, per_second: float) -> Sample:
        """Authorize this many cards, so many a second."""
        due = [authorize(new_id(), code) for code in self.deck.take(calls)]
        return Sample.of_run(self.server.run_on_schedule(due, per_second))
