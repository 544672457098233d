"""Authorize while the housekeeping sweeps many cards that expired at one instant."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

from giftcard_storage import database, overview
from giftcard_storage.database import DatabaseUrl
from loads.filling import fill
from loads.http2_load import VoidRunError
from loads.servers import Place, World, serving
from loads.shop import Shop
from plans import BUSY, Plan
from results import DATABASES, Case, Results

SECTION = "sweeping"
QUIET = "Authorize, no sweep"
SWEPT = "Authorize, during a sweep"
# Rounds of a second or so, as the sweep has to last for all of them.
ROUNDS = 3
CARDS_FOR_A_CALL = 2  # One card of four was used before.


def measure(world: World, plan: Plan, results: Results) -> None:
    """Authorize on a database without expired cards and then on one with them.

    They do not take turns, since the sweep would go on while the other one is measured.
    """
    for kind in DATABASES:
        for name, expired in ((QUIET, 0), (SWEPT, plan.expired)):
            with world.place(kind) as place:
                deck = fill(
                    place, CARDS_FOR_A_CALL * (ROUNDS + 1) * plan.growth_calls, expired=expired
                )
                with serving(place) as server:
                    shop = Shop(name, server, deck, plan.growth_calls)
                    for round_ in range(ROUNDS + 1):
                        sample = shop.authorize(shop.busy_calls, BUSY)
                        if round_:  # The first round warms up.
                            results.add(Case(SECTION, name, kind, BUSY), sample)
                    if expired:
                        results.once[f"swept meanwhile, {kind}"] = _swept(place, expired)
                place.audit()


def _swept(place: Place, expired: int) -> str:
    """Return how many expiries were booked; some must be left to book."""
    with closing(database.connect(DatabaseUrl.parse(place.url))) as connection:
        left = len(overview.due(connection, datetime.now(UTC), expired))
    if not left:
        message = "the sweep was over before the measurement"
        raise VoidRunError(message)
    return f"{expired - left:,} of {expired:,} cards"
