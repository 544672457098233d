"""Authorize by one worker and by two, over several connections, as a connection has one worker."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from loads.filling import fill
from loads.many_connections import evenly_connected
from loads.servers import World, serving
from loads.shop import Shop
from plans import BUSY, Plan
from results import DATABASES, Case, Results

SECTION: Final = "workers"
NUMBERS: Final = (1, 2)
CONNECTIONS: Final = 8


def name_of(workers: int) -> str:
    """Return the name of the case for a number of workers."""
    return f"Authorize, {workers} worker{'s' if workers > 1 else ''}"


def measure(world: World, plan: Plan, results: Results) -> None:
    """Compare one worker with two on each database, round by round."""
    cards = 2 * (plan.rounds + 1) * plan.batched
    for database in DATABASES:
        with ExitStack() as stack:
            shops = []
            for workers in NUMBERS:
                place = stack.enter_context(world.place(database))
                deck = fill(place, cards)
                started = stack.enter_context(serving(place, GIFTCARD_WORKERS=str(workers)))
                server = stack.enter_context(evenly_connected(started, workers, CONNECTIONS))
                shops.append(Shop(name_of(workers), server, deck, plan.batched))
            for round_ in range(plan.rounds + 1):
                for shop in shops:
                    sample = shop.authorize(shop.busy_calls, BUSY)
                    if round_:  # The first round warms up.
                        results.add(Case(SECTION, shop.name, database, BUSY), sample)
            for shop in shops:
                shop.server.place.audit()
