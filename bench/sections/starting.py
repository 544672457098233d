"""The time from `giftcard serve` to its first answer, and the memory that it takes."""

from __future__ import annotations

import statistics

from loads.filling import fill
from loads.messages import validate
from loads.servers import World, seconds_to_first_answer, serving
from loads.shop import Shop
from plans import BUSY, Plan
from results import DATABASES, Results
from sections.one_by_one import BATCHES

SECTION = "start"
CARDS = 10_000


def measure(world: World, plan: Plan, results: Results) -> None:
    """Start servers one after another, then load one."""
    for database in DATABASES:
        with world.place(database) as place:
            deck = fill(place, CARDS)
            call = validate(deck.take(1)[0])
            seconds = [seconds_to_first_answer(place, call) for _ in range(plan.starts + 1)][1:]
            results.once[f"start to first answer, {database}"] = (
                f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} – {max(seconds):.2f})"
            )
            with serving(place) as server:
                results.once[f"memory at rest, {database}"] = server.memory("VmRSS")
                Shop(BATCHES, server, deck, 0).authorize(2 * plan.batched, BUSY)
                results.once[f"memory at most, 64 in flight, {database}"] = server.memory("VmHWM")
