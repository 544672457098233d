"""Measured samples, run by run, and ratios of runs that took turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from loads.http2_load import Run

EMBEDDED: Final = "embedded"
POSTGRESQL: Final = "PostgreSQL"
DATABASES: Final = (EMBEDDED, POSTGRESQL)


class Case(NamedTuple):
    """The subject of a row. Cases of one section took turns, so that they may be compared."""

    section: str
    name: str
    database: str
    in_flight: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one case: answers per second, latencies in seconds.

    `busy` is the share of a core that the load generator took; None without the generator.
    """

    rate: float
    p50: float
    p99: float
    busy: float | None = None
    p999: float = 0.0

    @classmethod
    def of(cls, latencies: Sequence[float], seconds: float, busy: float | None = None) -> Sample:
        """Sum up a run."""
        ordered = sorted(latencies)
        middle, late, latest = (
            ordered[min(len(ordered) - 1, int(share * len(ordered)))]
            for share in (0.5, 0.99, 0.999)
        )
        return cls(len(ordered) / seconds, middle, late, busy, latest)

    @classmethod
    def of_run(cls, run: Run) -> Sample:
        """Sum up a run of the load generator."""
        return cls.of(run.latencies, run.seconds, run.busy / run.seconds)


Metric = Callable[[Sample], float]


def rate(sample: Sample) -> float:
    """Return the answers per second."""
    return sample.rate


def p50(sample: Sample) -> float:
    """Return the latency that half of the calls did not exceed."""
    return sample.p50


def p99(sample: Sample) -> float:
    """Return the latency that 99 of 100 calls did not exceed."""
    return sample.p99


def p999(sample: Sample) -> float:
    """Return the latency that 999 of 1000 calls did not exceed."""
    return sample.p999


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio, round by round."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Return the ratio to quote."""
        return statistics.median(self.rounds)

    @property
    def spread(self) -> str:
        """Return the lowest and the highest round, as text."""
        return f"{min(self.rounds):.2f} – {max(self.rounds):.2f}"


@dataclass(slots=True)
class Results:
    """The samples of all cases, round by round; values measured once; facts of the machine."""

    samples: dict[Case, list[Sample]] = field(default_factory=dict)
    once: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)

    def add(self, case: Case, sample: Sample) -> None:
        """Add one round of a case."""
        self.samples.setdefault(case, []).append(sample)

    def merge(self, others: Results) -> None:
        """Add the results of another section."""
        self.samples |= others.samples
        self.once |= others.once

    def median(self, case: Case, metric: Metric) -> float:
        """Return the median of a case over its rounds."""
        return statistics.median(map(metric, self.samples[case]))

    def ratio(self, over: Case, under: Sequence[Case], metrics: tuple[Metric, Metric]) -> Ratio:
        """Divide a case by the greatest of others, in each round."""
        above, below = metrics
        rounds = zip(self.samples[over], *(self.samples[case] for case in under), strict=True)
        return Ratio(
            tuple(above(first) / max(below(other) for other in others) for first, *others in rounds)
        )
