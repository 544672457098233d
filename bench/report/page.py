"""docs/performance.md, as the bench writes it: the prose is here, the figures are the run's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from plans import BUSY, Plan
from report import picture
from report.summary import CASE_COLUMNS, RATIO_COLUMNS, case_rows, ratio_rows, write_json
from results import Results

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = DOCS / "performance.md"
PICTURE: Final = DOCS / "performance.svg"
ROUNDS: Final = DOCS / "performance.json"

TEXT: Final = """\
# Performance

This page is written by `make bench BENCH_FLAGS=--publish`, figures and all; its prose is in
[`bench/report/page.py`](../bench/report/page.py). Run `make bench` to have the same table for your
machine.

## Ratios

Machines differ, and so do two minutes on one machine. So the figures to compare are ratios of
things that took turns, round by round, in one run; the table has the median and the lowest and
highest round.

{ratios}

{picture}

## How to read it

- **An empty RPC** is a health check on the same server: the same gRPC stack, threads, interceptor
  and counters, and no work. It is the ceiling: no RPC of this server can be faster.
- **Batches of one** is the same server with `GIFTCARD_BATCH_LIMIT=1`, so that each command has a
  transaction and a commit of its own.
- **Plain Peewee** ([`plain_peewee.py`](../bench/peers/plain_peewee.py)) is Authorize as one would
  write it first: look up, check, `create` and `save`, a transaction for each call, on the same
  tables with the same durability. It is called directly from {busy} threads, with no gRPC around
  it, which flatters it; on the embedded database its threads queue for a lock, since SQLite's own
  way to wait is slower.
- **pgbench** runs [the statements of one Authorize](../bench/peers/pgbench_authorize.sql), one
  transaction each, prepared, on the same PostgreSQL. It is a C program that does nothing else,
  so nothing that commits each call by itself is faster there. It has no gRPC around it either.
- **Generator** is the share of one core that the load generator took. Far below 100% it was
  not what limited a row; it does share the machine with what it loads.
- One in flight, batches cannot help: there the question is whether they harm. Where both do the
  same, every other run is a little slower, so that "no worse" is read as: within 5 percent.
- **While guesses are in flight** another process sends wrong codes, each from a shopper of its own,
  and the next one when one was answered. The breaker is tripped before anything is measured.
- In the picture, batches of one, plain Peewee and pgbench were not measured beside the empty RPC,
  but beside Authorize; their bars are Authorize's share times what they did against it.

## What is measured, and how

- Requests are encoded before the clock starts, and every one has ids of its own. One process
  writes them as HTTP/2 frames on one connection. Every answer is counted and its `grpc-status`
  looked at, and Validate's answers must be a yes: one no makes the run void. Where there is a
  ledger of the service in the end, `giftcard audit` must find that every cent adds up.
- Throughput is answers in a second. p50 and p99 are latencies as the caller sees them; with many
  in flight they are mostly the time in the queue. Of *Authorize + Capture* both are of the pair.
- Servers have their default settings, but in two places. By default a server refuses some of 256
  calls at a time as overloaded; the one that every kind of call is measured on lets all of them
  wait (`GIFTCARD_WAITING_LIMIT=256`, `GIFTCARD_RPC_THREADS=800`). And batches of one are a setting.
- The first round warms up and is not counted.
- Both databases are durable, which is checked before anything is measured. Each server has a
  database of its own. PostgreSQL runs on the same machine, so that it, the server and the
  generator share its cores.
- Growth: databases are filled with cards directly ([`filling.py`](../bench/loads/filling.py)); one
  card of four was used before. The sizes take turns, and cards are picked from all over.

## What is not

- Several workers or several servers on one PostgreSQL, TLS, a network, and PostgreSQL on a machine
  of its own.
- Calls that are declined, replays, and load that arrives on a schedule: here, the next call waits
  for an answer.
- Hours: a run is minutes, so that what a disk does after an hour of writing is not in it.

## Every row

Medians over the rounds; [`performance.json`](performance.json) has each of them.

{cases}

## Once

{once}

## Where

{facts}
"""


def publish(results: Results, plan: Plan) -> None:
    """Write the page, its picture, and every round for programs."""
    has_picture = picture.write(results, PICTURE)
    text = TEXT.format(
        busy=BUSY,
        ratios=_table(RATIO_COLUMNS, ratio_rows(results, plan)),
        picture="![Throughput by call, relative to an empty RPC](performance.svg)"
        if has_picture
        else "",
        cases=_table(CASE_COLUMNS, case_rows(results)),
        once=_table(("what", "found"), list(results.once.items())),
        facts=_table(("what", "found"), list(results.facts.items())),
    )
    PAGE.write_text(text, encoding="utf-8")
    write_json(results, plan, ROUNDS)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
