"""How fast the service is, against what: one run, one table, ratios first, since machines differ.

    make bench                                      # everything, about ten minutes
    make bench BENCH_FLAGS=--quick                  # everything with smaller counts, about two
    make bench BENCH_FLAGS="--only authorize,growth"
    make bench BENCH_FLAGS="--only scraping,auditing --cards 1000000"
    make bench BENCH_FLAGS="--soak 60"              # a long run alone, minutes for each database
    make bench BENCH_FLAGS=--publish                # writes docs/performance.* as well

Where to read on: `sections/` has a file for each part of the table; `loads/` has the servers, the
cards and the requests; `peers/` has two fair rivals, plain Peewee and pgbench; `report/` has the
table, the page and the targets. The exit code is 0, or 1 if a run was void; it never depends on
how fast the machine is.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

sys.path.append(str(Path(__file__).parent.parent / "tests"))  # Its `given` starts PostgreSQL.

from loads.http2_load import VoidRunError
from loads.servers import World
from plans import FULL, QUICK, Plan
from report import machine, page, summary
from results import Results
from sections import (
    against_pgbench,
    auditing,
    calls,
    encrypted,
    finding,
    growth,
    guessing,
    mailing,
    on_schedule,
    one_by_one,
    scraping,
    soak,
    starting,
    sweeping,
    workers,
)

SECTIONS: Final[dict[str, Callable[[World, Plan, Results], None]]] = {
    calls.SECTION: calls.measure,
    one_by_one.SECTION: one_by_one.measure,
    against_pgbench.SECTION: against_pgbench.measure,
    workers.SECTION: workers.measure,
    on_schedule.SECTION: on_schedule.measure,
    encrypted.SECTION: encrypted.measure,
    growth.SECTION: growth.measure,
    guessing.SECTION: guessing.measure,
    sweeping.SECTION: sweeping.measure,
    mailing.SECTION: mailing.measure,
    starting.SECTION: starting.measure,
    finding.SECTION: finding.measure,
    scraping.SECTION: scraping.measure,
    auditing.SECTION: auditing.measure,
}


def main() -> int:
    """Measure, print the tables, and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="smaller counts")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, separated by commas")
    parser.add_argument("--publish", action="store_true", help="write docs/performance.* as well")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="a long run, and no section")
    parser.add_argument("--cards", type=int, help="how many, for scraping and auditing")
    arguments = parser.parse_args()
    sections = arguments.only.split(",")
    if unknown := set(sections) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}: {', '.join(SECTIONS)}")
    plan = QUICK if arguments.quick else FULL
    plan = replace(plan, scraped=arguments.cards or plan.scraped)
    results = Results()
    with World() as world:
        results.facts = machine.facts(world)
        print(f"embedded: {results.facts['embedded']}")
        print(f"PostgreSQL: {results.facts['PostgreSQL']}", flush=True)
        if arguments.soak:
            sections, SECTIONS["soak"] = ["soak"], _soaking(arguments.soak)
        sound = [_is_sound(section, world, plan, results) for section in sections]
    summary.show(results, plan)
    summary.write_json(results, plan)
    if arguments.publish and all(sound):
        page.publish(results, plan)
    return 0 if all(sound) else 1


def _soaking(minutes: float) -> Callable[[World, Plan, Results], None]:
    return lambda world, _plan, results: soak.soak(world, minutes, results)


def _is_sound(section: str, world: World, plan: Plan, results: Results) -> bool:
    """Measure a section; add its results unless a run of it was void."""
    print(f"measuring {section} ... ", end="", flush=True)
    began, measured = time.perf_counter(), Results()
    try:
        SECTIONS[section](world, plan, measured)
    except VoidRunError as error:
        print(f"void: {error}", flush=True)
        return False
    results.merge(measured)
    print(f"{time.perf_counter() - began:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
