"""How much is measured: in full, and quickly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

BUSY: Final = 64  # In flight, where one figure stands for load.


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts of rounds and of calls; a first round that warms up comes in addition.

    `calls` are, by how many are in flight, the calls of each kind in a round of "calls".
    `lone` are calls one after another, `batched` and `single` calls under load of a server
    with batches and of one without, which is slower, `plain` those of plain Peewee.
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
    starts: int


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
    starts=5,
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
    starts=2,
)
