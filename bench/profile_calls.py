"""Where the processor time of an Authorize goes: microseconds by group, which add up to all of it.

    .venv/bin/python bench/profile_calls.py                      # both databases, 64 in flight
    .venv/bin/python bench/profile_calls.py --in-flight 1 --calls 500

The clocks of `loads/measured_server.py` are in the figures: compare groups with each other, and
versions with `versions.py`. Processor time is by the kernel, so that other programs disturb it less
than they disturb rates.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

sys.path.append(str(Path(__file__).parent.parent / "tests"))  # Its `given` starts PostgreSQL.

from loads.measured_server import GROUPS
from loads.messages import EMPTY, authorize, code_of, issue, new_id
from loads.servers import Server, World, serving
from plans import BUSY
from results import DATABASES
from sections.calls import PATIENT

BENCH: Final = Path(__file__).parent
WITHIN_SECONDS: Final = 10.0
# Runs `giftcard serve` with clocks in it, whatever its arguments are.
STARTER: Final = f"""#!{sys.executable}
import os, sys
os.chdir({str(BENCH)!r})
os.execv(sys.executable, [sys.executable, "-m", "loads.measured_server", {{file!r}}])
"""


def main() -> None:
    """Measure, and print a table for each database."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--in-flight", type=int, default=BUSY)
    parser.add_argument("--calls", type=int, default=3000)
    arguments = parser.parse_args()
    with World() as world:
        for database in DATABASES:
            figures, command = world.folder / f"{database}.json", world.folder / database
            command.write_text(STARTER.format(file=str(figures)), "utf-8")
            command.chmod(0o700)
            with world.place(database) as place, serving(place, command, **PATIENT) as server:
                _show(database, server, figures, arguments.calls, arguments.in_flight)
                place.audit()


def _show(database: str, server: Server, figures: Path, calls: int, in_flight: int) -> None:
    issued = [new_id() for _ in range(calls)]
    server.run([[issue(id_)] for id_ in issued], in_flight)  # It warms up, too.
    cards = [code_of(server.key, id_) for id_ in issued]
    before = _figures(server, figures)
    run = server.run([[authorize(new_id(), card)] for card in cards], in_flight)
    between = _figures(server, figures)
    server.run([[EMPTY]] * calls, in_flight)
    after = _figures(server, figures)
    spent = {name: (between[name] - before[name]) / calls for name in before}
    empty = sum(after[group] - between[group] for group in GROUPS) / calls
    total = sum(spent[group] for group in GROUPS)
    print(
        f"{database}, {in_flight} in flight, {calls} Authorize, {calls / run.seconds:.0f} a second"
    )
    for group in GROUPS:
        print(f"  {spent[group] * 1e6:7.1f} us {spent[group] / total:4.0%}  {group}")
    print(f"  {total * 1e6:7.1f} us 100%  in all; an empty RPC takes {empty * 1e6:.1f} us")
    print(f"  {spent['kernel'] * 1e6:7.1f} us {spent['kernel'] / total:4.0%}  of it in the kernel")
    print(f"  {spent['switches']:7.1f} times a thread gave way", flush=True)


def _figures(server: Server, file: Path) -> dict[str, float]:
    """Ask a server for its figures so far."""
    file.unlink(missing_ok=True)
    os.kill(server.pid, signal.SIGUSR1)
    give_up_at = time.monotonic() + WITHIN_SECONDS
    while not file.exists():
        if time.monotonic() > give_up_at:
            message = "the server does not write its figures"
            raise TimeoutError(message)
        time.sleep(0.005)
    figures: dict[str, float] = json.loads(file.read_text("utf-8"))
    return figures


if __name__ == "__main__":
    main()
