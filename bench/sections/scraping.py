"""The cost of scrapes, a hundred a second, on a server with many cards: rounds with and without."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from loads.filling import fill
from loads.http2_load import VoidRunError
from loads.servers import serving
from loads.shop import Shop
from plans import BUSY
from results import DATABASES, Case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loads.servers import Server, World
    from plans import Plan
    from results import Results

SECTION: Final = "scraping"
QUIET: Final = "Authorize, no scrapes"
SCRAPED: Final = "Authorize, 100 scrapes a second"
PER_SECOND: Final = 100
BENCH: Final = Path(__file__).parents[1]
# By then the server has used up what it may use at once for its answers.
WARM_UP_SECONDS: Final = 12.0
UNDER_WAY_SECONDS: Final = 1.0
ALONE_SECONDS: Final = 15.0
GROWS: Final = 4  # The rounds of "growth" are too short for a difference of 2 %.


def measure(world: World, plan: Plan, results: Results) -> None:
    """Authorize in turn with and without scrapes, on each database."""
    for database in DATABASES:
        calls = GROWS * plan.growth_calls
        needed = 2 * (plan.growth_rounds + 1) * calls
        with world.place(database) as place:
            deck = fill(place, max(plan.scraped, 2 * needed))
            with serving(place) as server:
                shop = Shop(SECTION, server, deck, calls)
                with _scraper(server.http) as scraper:
                    _scrape_for(scraper, WARM_UP_SECONDS)
                    for round_ in range(plan.growth_rounds + 1):
                        quiet = shop.authorize(calls, BUSY)
                        scraper.send_signal(signal.SIGCONT)
                        time.sleep(UNDER_WAY_SECONDS)
                        scraped = shop.authorize(calls, BUSY)
                        scraper.send_signal(signal.SIGSTOP)
                        if round_:  # The first round warms up.
                            results.add(Case(SECTION, QUIET, database, BUSY), quiet)
                            results.add(Case(SECTION, SCRAPED, database, BUSY), scraped)
                    what = f"core taken by 100 scrapes a second, {database}"
                    results.once[what] = f"{_share(server, scraper):.1%}"
                    if scraper.poll() is not None:
                        message = "the scraper ended"
                        raise VoidRunError(message)


def _share(server: Server, scraper: subprocess.Popen[bytes]) -> float:
    """Return the share of a core that scrapes take of a server that has nothing else to do."""
    idle = _busy(server, ALONE_SECONDS)
    scraper.send_signal(signal.SIGCONT)
    scraped = _busy(server, ALONE_SECONDS)
    scraper.send_signal(signal.SIGSTOP)
    return scraped - idle


def _busy(server: Server, seconds: float) -> float:
    used, began = _processor_seconds(server.pid), time.monotonic()
    time.sleep(seconds)
    return (_processor_seconds(server.pid) - used) / (time.monotonic() - began)


def _processor_seconds(pid: int) -> float:
    """Return what a process has used of all cores, that of threads that have ended included."""
    return time.clock_gettime((~pid << 3) | 2)  # As `clock_getcpuclockid` makes it on Linux.


def _scrape_for(scraper: subprocess.Popen[bytes], seconds: float) -> None:
    scraper.send_signal(signal.SIGCONT)
    time.sleep(seconds)
    scraper.send_signal(signal.SIGSTOP)


@contextmanager
def _scraper(target: str) -> Iterator[subprocess.Popen[bytes]]:
    """Give a process that scrapes whenever it is not stopped, and is stopped at first."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loads.scraper", target, str(PER_SECOND)],
        cwd=BENCH,
        stdout=subprocess.DEVNULL,
    )
    process.send_signal(signal.SIGSTOP)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
