"""Authorize as callers come: at random times, half as many a second as the server can answer.

With a constant number in flight, a slow answer delays the next call, and so hides how many callers
would have waited (coordinated omission). Here each latency counts from the time at which the call
was due.
"""

from __future__ import annotations

import statistics
from typing import Final

from loads.filling import fill
from loads.servers import World, serving
from loads.shop import Shop
from plans import BUSY, Plan
from results import DATABASES, Case, Results

SECTION: Final = "schedule"
CAPACITY: Final = "Authorize, as fast as it can"
HALF: Final = "Authorize, on a schedule at half of that"
AS_THEY_COME: Final = 0  # In the place of a number in flight.


def measure(world: World, plan: Plan, results: Results) -> None:
    """Measure the capacity in each round, and then a schedule at half of what it was so far."""
    for database in DATABASES:
        with world.place(database) as place:
            deck = fill(place, 3 * (plan.rounds + 1) * plan.batched)
            with serving(place) as server:
                _measure(database, Shop(HALF, server, deck, plan.batched), plan, results)
            place.audit()


def _measure(database: str, shop: Shop, plan: Plan, results: Results) -> None:
    rates = []
    for round_ in range(plan.rounds + 1):
        fast = shop.authorize(shop.busy_calls, BUSY)
        if not round_:  # The first round warms up.
            continue
        rates.append(fast.rate)
        results.add(Case(SECTION, CAPACITY, database, BUSY), fast)
        sample = shop.authorize_on_schedule(shop.busy_calls, statistics.median(rates) / 2)
        results.add(Case(SECTION, HALF, database, AS_THEY_COME), sample)
