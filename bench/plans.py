"""The amount of measuring: in full, and quickly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BUSY: Final = 64  # Calls in flight, where one number stands for load.


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts of rounds and of calls, without the first round, which warms up.

    `calls` is the number of calls of each kind in a round of "calls", by the number in flight.
    `lone` is the number of calls that follow one another. Under load, `batched` is the number of
    calls to a server with batches, `single` to one without, and `plain` to plain Peewee. `scraped`
    is the number of cards of "scraping" and "auditing".
    """

    rounds: int
    calls: dict[int, int]
    lone: int
    batched: int
    single: int
    plain: int
    pgbench_rounds: int
    pgbench_seconds: int
    growth_rounds: int
    growth_calls: int
    sizes: tuple[int, ...]
    expired: int
    starts: int
    scraped: int


FULL: Final = Plan(
    rounds=5,
    calls={1: 300, 16: 480, 64: 1280, 256: 1280},
    lone=500,
    batched=1600,
    single=500,
    plain=300,
    pgbench_rounds=3,
    pgbench_seconds=4,
    growth_rounds=7,
    growth_calls=900,
    sizes=(10_000, 100_000, 1_000_000),
    expired=100_000,
    starts=5,
    scraped=200_000,
)
QUICK: Final = Plan(
    rounds=2,
    calls={1: 100, 16: 128, 64: 320, 256: 512},
    lone=200,
    batched=512,
    single=128,
    plain=128,
    pgbench_rounds=2,
    pgbench_seconds=3,
    growth_rounds=3,
    growth_calls=640,
    sizes=(10_000, 100_000),
    expired=20_000,
    starts=2,
    scraped=20_000,
)
