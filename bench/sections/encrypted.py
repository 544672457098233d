"""Authorize by TLS, against the same without, on one connection that is open already."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from given.servers.certificates import Authority
from loads.filling import fill
from loads.servers import GIFTCARD, World, serving
from loads.shop import Shop
from plans import BUSY, Plan
from results import EMBEDDED, Case, Results

SECTION: Final = "tls"
PLAIN, TLS = "Authorize, without TLS", "Authorize, by TLS"


def measure(world: World, plan: Plan, results: Results) -> None:
    """Compare them, round by round. The database makes no difference to it."""
    with ExitStack() as stack:
        shops = []
        for name, authority in ((PLAIN, None), (TLS, Authority(world.folder, "bench"))):
            place = stack.enter_context(world.place(EMBEDDED))
            deck = fill(place, 2 * (plan.rounds + 1) * plan.batched)
            server = stack.enter_context(serving(place, GIFTCARD, authority))
            shops.append(Shop(name, server, deck, plan.batched))
        for round_ in range(plan.rounds + 1):
            for shop in shops:
                sample = shop.authorize(shop.busy_calls, BUSY)
                if round_:  # The first round warms up.
                    results.add(Case(SECTION, shop.name, EMBEDDED, BUSY), sample)
        for shop in shops:
            shop.server.place.audit()
