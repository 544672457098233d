"""Authorize by the whole service, with one worker and two, against its bare statements."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from loads.filling import fill
from loads.many_connections import evenly_connected
from loads.servers import World, serving
from loads.shop import Shop
from peers.pgbench import CLIENTS, NAME, prepared
from plans import BUSY, Plan
from results import POSTGRESQL, Case, Results
from sections.one_by_one import BATCHES
from sections.workers import CONNECTIONS, name_of

SECTION: Final = "pgbench"


def measure(world: World, plan: Plan, results: Results) -> None:
    """Compare Authorize through the whole service with its bare statements."""
    cards = 2 * (plan.pgbench_rounds + 1) * plan.batched
    with ExitStack() as stack:
        place = stack.enter_context(world.place(POSTGRESQL))
        deck = fill(place, cards)
        shop = Shop(BATCHES, stack.enter_context(serving(place)), deck, plan.batched)
        place_of_two = stack.enter_context(world.place(POSTGRESQL))
        deck_of_two = fill(place_of_two, cards)
        started = stack.enter_context(serving(place_of_two, GIFTCARD_WORKERS="2"))
        two = stack.enter_context(evenly_connected(started, 2, CONNECTIONS))
        shop_of_two = Shop(name_of(2), two, deck_of_two, plan.batched)
        pgbench = stack.enter_context(prepared(world, cards))
        for round_ in range(plan.pgbench_rounds + 1):
            samples = {
                (each.name, BUSY): each.authorize(plan.batched, BUSY)
                for each in (shop, shop_of_two)
            }
            for clients in CLIENTS:
                samples[NAME, clients] = pgbench.run(clients, plan.pgbench_seconds)
            if round_:  # The first one warms up.
                for (name, in_flight), sample in samples.items():
                    results.add(Case(SECTION, name, POSTGRESQL, in_flight), sample)
        place.audit()
        place_of_two.audit()
