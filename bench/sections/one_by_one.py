"""Authorize under load and alone, against batches of one and against a plain implementation.

The same server with batches of one is this service without its main idea; `plain_peewee.py` is
Authorize without any of its ideas. All of them take turns, round by round.
"""

from __future__ import annotations

from contextlib import ExitStack

from loads.filling import fill
from loads.servers import World, serving
from loads.shop import Shop
from peers import plain_peewee
from plans import BUSY, Plan
from results import DATABASES, Case, Results

SECTION = "authorize"
BATCHES, SINGLE, PLAIN = "Authorize", "Authorize, batches of one", "Authorize, plain Peewee"


def measure(world: World, plan: Plan, results: Results) -> None:
    """Compare them on each database."""
    for database in DATABASES:
        _compare(world, plan, results, database)


def _compare(world: World, plan: Plan, results: Results, database: str) -> None:
    # Twice as many as are authorized, since some cards were used before.
    cards = 2 * (plan.rounds + 1) * (plan.batched + plan.lone)
    with ExitStack() as stack:
        shops = []
        for name, calls, settings in (
            (BATCHES, plan.batched, {}),
            (SINGLE, plan.single, {"GIFTCARD_BATCH_LIMIT": "1"}),
        ):
            place = stack.enter_context(world.place(database))
            deck = fill(place, cards)
            server = stack.enter_context(serving(place, **settings))
            shops.append(Shop(name, server, deck, calls))
        plain = stack.enter_context(world.place(database))
        plain_deck = fill(plain, cards)
        peewee = stack.enter_context(plain_peewee.opened(plain))
        for round_ in range(plan.rounds + 1):
            samples = {(shop.name, BUSY): shop.authorize(shop.busy_calls, BUSY) for shop in shops}
            codes = plain_deck.take(plan.plain)
            samples[PLAIN, BUSY] = plain_peewee.run(peewee, plain.key, codes, BUSY)
            samples |= {(shop.name, 1): shop.authorize(plan.lone, 1) for shop in shops}
            if round_:  # The first round warms up.
                for (name, in_flight), sample in samples.items():
                    results.add(Case(SECTION, name, database, in_flight), sample)
        for place in (*(shop.server.place for shop in shops), plain):
            place.audit()
