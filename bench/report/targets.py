"""The targets of the service, as ratios of cases that took turns, and whether they are met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from peers import pgbench
from plans import BUSY, Plan
from results import (
    DATABASES,
    EMBEDDED,
    POSTGRESQL,
    Case,
    Metric,
    Ratio,
    Results,
    p50,
    p99,
    p999,
    rate,
)
from sections import (
    against_pgbench,
    auditing,
    calls,
    encrypted,
    growth,
    guessing,
    on_schedule,
    one_by_one,
    scraping,
    sweeping,
    workers,
)

RATES: Final = (rate, rate)
# With one call in flight, batches and batches of one do the same, so half of the runs are slower.
AS_GOOD: Final = 1.05


@dataclass(frozen=True, slots=True)
class Target:
    """A ratio and its bounds; one without bounds is shown for comparison."""

    what: str
    over: Case
    under: tuple[Case, ...]
    metrics: tuple[Metric, Metric] = RATES
    at_least: float | None = None
    at_most: float | None = None
    aim: float | None = None

    @property
    def bound(self) -> str:
        """Return the bounds as text."""
        aim = f", aim {self.aim:g}" if self.aim is not None else ""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}{aim}"
        if self.at_most is not None:
            return f"≤ {self.at_most:g}{aim}"
        return "–"

    def verdict(self, ratio: Ratio) -> str:
        """Return whether the median meets the bounds, as text."""
        if self.at_least is None and self.at_most is None:
            return "–"
        is_met = (self.at_least is None or ratio.median >= self.at_least) and (
            self.at_most is None or ratio.median <= self.at_most
        )
        return "met" if is_met else "missed"


def found(results: Results, plan: Plan) -> list[tuple[Target, Ratio]]:
    """Return every target whose cases were measured, with its ratio."""
    return [
        (target, results.ratio(target.over, target.under, target.metrics))
        for target in _targets(plan)
        if all(case in results.samples for case in (target.over, *target.under))
    ]


def _targets(plan: Plan) -> Iterator[Target]:
    for database in DATABASES:
        yield from _of_the_ceiling(database)
    for database in DATABASES:
        yield from _of_batches(database)
    ours = Case(against_pgbench.SECTION, one_by_one.BATCHES, POSTGRESQL, BUSY)
    rivals = tuple(
        Case(against_pgbench.SECTION, pgbench.NAME, POSTGRESQL, n) for n in pgbench.CLIENTS
    )
    yield Target("Authorize, 64 in flight, against pgbench at its best", ours, rivals)
    two = Case(against_pgbench.SECTION, workers.name_of(2), POSTGRESQL, BUSY)
    what = "Authorize, 64 in flight, two workers, against pgbench at its best"
    yield Target(what, two, rivals, at_least=0.9, aim=1)
    yield from _of_workers()
    for database in DATABASES:
        yield from _of_a_schedule(database)
    tls, plain = (
        Case(encrypted.SECTION, name, EMBEDDED, BUSY) for name in (encrypted.TLS, encrypted.PLAIN)
    )
    yield Target("Authorize, 64 in flight, by TLS against without", tls, (plain,))
    for database in DATABASES:
        yield from _of_a_lone_call(database)
    for database in DATABASES:
        small, *_, large = (
            Case(growth.SECTION, growth.name_of(size), database, BUSY) for size in plan.sizes
        )
        what = f"Authorize with {plan.sizes[-1]:,} cards against {plan.sizes[0]:,}"
        yield Target(what, large, (small,), at_least=0.85)
    for database in DATABASES:
        for in_flight in guessing.GUESSERS:
            attacked, alone = (
                Case(guessing.SECTION, name, database, BUSY)
                for name in (guessing.name_of(in_flight), guessing.ALONE)
            )
            what = f"Authorize while {in_flight} guesses are in flight, against while none is"
            yield Target(what, attacked, (alone,), at_least=0.8)
    for database in DATABASES:
        swept, quiet = (
            Case(sweeping.SECTION, name, database, BUSY)
            for name in (sweeping.SWEPT, sweeping.QUIET)
        )
        what = f"Authorize while {plan.expired:,} cards are swept: p99 against no sweep"
        yield Target(what, swept, (quiet,), (p99, p99), at_most=2)
    yield from _of_operators()


def _of_operators() -> Iterator[Target]:
    for database in DATABASES:
        scraped, quiet = (
            Case(scraping.SECTION, name, database, BUSY)
            for name in (scraping.SCRAPED, scraping.QUIET)
        )
        what = "Authorize while metrics are scraped 100 times a second, against no scrapes"
        yield Target(what, scraped, (quiet,), at_least=0.98)
    slices, whole = (
        Case(auditing.SECTION, name, EMBEDDED, 1) for name in (auditing.SLICES, auditing.WHOLE)
    )
    what = "Audit in slices: processor time against whole tables at once"
    yield Target(what, slices, (whole,), (p50, p50))


def _of_the_ceiling(database: str) -> Iterator[Target]:
    empty, authorize, validate = (
        Case(calls.SECTION, name, database, BUSY)
        for name in (calls.EMPTY_RPC, "Authorize", "Validate")
    )
    is_asked = database == EMBEDDED
    yield Target(
        "Authorize, 64 in flight, against an empty RPC",
        authorize,
        (empty,),
        at_least=0.42 if is_asked else None,
        aim=0.5 if is_asked else None,
    )
    what = "Validate, 64 in flight, against an empty RPC"
    yield Target(what, validate, (empty,), at_least=0.55)
    for name in calls.LOOKS:
        looked = Case(calls.SECTION, name, database, BUSY)
        what = f"{name}, 64 in flight, against Validate"
        yield Target(what, looked, (validate,), at_least=0.95)  # Equal, but for noise.


def _of_batches(database: str) -> Iterator[Target]:
    batches, single, plain = (
        Case(one_by_one.SECTION, name, database, BUSY)
        for name in (one_by_one.BATCHES, one_by_one.SINGLE, one_by_one.PLAIN)
    )
    what = "Authorize, 64 in flight, against batches of one"
    yield Target(what, batches, (single,))
    what = "Authorize, 64 in flight, against plain Peewee"
    yield Target(what, batches, (plain,))


def _of_workers() -> Iterator[Target]:
    for database in DATABASES:
        one, two = (
            Case(workers.SECTION, workers.name_of(number), database, BUSY)
            for number in workers.NUMBERS
        )
        least = 1.2 if database == EMBEDDED else 1.4
        yield Target("Authorize, two workers against one", two, (one,), at_least=least)


def _of_a_schedule(database: str) -> Iterator[Target]:
    half = Case(on_schedule.SECTION, on_schedule.HALF, database, on_schedule.AS_THEY_COME)
    if database == EMBEDDED:
        what = "Authorize on a schedule at half of the capacity: p99 against 25 ms"
        yield Target(what, half, (half,), (p99, lambda _: 0.025), at_most=1)
    what = "Authorize on a schedule at half of the capacity: p99.9 against 100 ms"
    yield Target(what, half, (half,), (p999, lambda _: 0.1), at_most=1)


def _of_a_lone_call(database: str) -> Iterator[Target]:
    batches, single = (
        Case(one_by_one.SECTION, name, database, 1)
        for name in (one_by_one.BATCHES, one_by_one.SINGLE)
    )
    what = "Authorize, one in flight: p50 against batches of one"
    yield Target(what, batches, (single,), (p50, p50), at_most=AS_GOOD)
    what = "Authorize, one in flight: p99 against p50"
    yield Target(what, batches, (batches,), (p99, p50), at_most=3)
