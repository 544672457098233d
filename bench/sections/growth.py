"""The cost of a million cards: Authorize on databases of several sizes that take turns."""

from __future__ import annotations

import time
from contextlib import ExitStack

from loads.filling import fill
from loads.servers import World, serving
from loads.shop import Shop
from plans import BUSY, Plan
from results import DATABASES, Case, Results

SECTION = "growth"


def name_of(cards: int) -> str:
    """Return the name of the case for a size."""
    return f"Authorize, {cards:,} cards"


def measure(world: World, plan: Plan, results: Results) -> None:
    """Compare sizes on each database; the smallest is audited before and after."""
    for database in DATABASES:
        with ExitStack() as stack:
            decks = []
            for size in plan.sizes:
                place = stack.enter_context(world.place(database))
                began = time.perf_counter()
                decks.append((place, size, fill(place, size)))
                seconds = time.perf_counter() - began
                results.once[f"filling {size:,} cards, {database}"] = f"{seconds:.0f} s"
            smallest = decks[0][0]
            smallest.audit()
            shops = [
                Shop(name_of(size), stack.enter_context(serving(place)), deck, plan.growth_calls)
                for place, size, deck in decks
            ]
            for round_ in range(plan.growth_rounds + 1):
                for shop in shops:
                    sample = shop.authorize(shop.busy_calls, BUSY)
                    if round_:  # The first round warms up.
                        results.add(Case(SECTION, shop.name, database, BUSY), sample)
            smallest.audit()
