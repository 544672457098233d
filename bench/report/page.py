"""Write docs/performance.md: its prose is in this file, and its figures come from the run."""

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

Machines differ, and so do two minutes on one machine. So compare ratios: their two sides took
turns, round by round, in one run. The table has the median, and the lowest and highest round.

{ratios}

{picture}

## How to read it

- **An empty RPC** is a health check on the same server: it has the same gRPC stack, threads,
  interceptor and counters, and does no work. No RPC of this server can be faster.
- **Batches of one** is the same server with `GIFTCARD_BATCH_LIMIT=1`: each command has a
  transaction and a commit of its own.
- **Plain Peewee** ([`plain_peewee.py`](../bench/peers/plain_peewee.py)) is the obvious first
  implementation of Authorize: look up, check, `create` and `save`, a transaction for each call, on
  the same tables with the same durability. It is called directly from {busy} threads, with no gRPC
  around it, which flatters it; on the embedded database its threads queue for a lock, since
  SQLite's own way to wait is slower.
- **pgbench** runs [the statements of one Authorize](../bench/peers/pgbench_authorize.sql), one
  transaction each, prepared, on the same PostgreSQL. It is a C program that does nothing else, so
  no server that commits each call by itself is faster there. It has no gRPC around it either.
- **Targets that left the table.** Five times batches of one on the embedded database: a commit is
  less than half of a call there, so that sharing it cannot give more than about two. 1.5 of pgbench
  on two cores: pgbench has no gRPC around it, which alone is more than half of an Authorize here.
- **Two workers against one** have as many connections each, eight in all. They need cores that are
  free: the database, the servers and the generator share this machine.
- **On a schedule**, calls arrive at random times (a Poisson process), at half of the rate that the
  same server had with 64 in flight a moment before. A latency counts from the time at which the
  call was due. A refusal makes the run void.
- **Authorize against an empty RPC** aims at 0.5. Half of what is missing is the interpreter's:
  reading, rules, rows and the answer are some 600 calls of functions. A quarter is SQLite's, or
  the driver's: six rows are inserted for each call, with their indexes and triggers. The rest is
  what gRPC does more: a message of 0.4 kB each way, and a switch to a thread that reads it. To
  reach the aim, rules and rows would have to be compiled (mypyc: 0.8 of the processor time without
  load), or requests read in grpcio's own thread ([ADR 134](adr/0134-hot-values-are-tuples.md)).
- **The slowest answers of a schedule** are batches that meet a checkpoint, or a flush of the log
  that the disk keeps waiting ([ADR 133](adr/0133-two-checkpoints-a-second.md)).
- **By TLS**: one connection that is open already; a handshake is not measured.
- **Generator** is the share of one core that the load generator took. Far below 100%, it did not
  limit the row; but it shares the machine with the server.
- With one call in flight, batches cannot help; the question is whether they harm. Where both
  servers do the same work, every other run is a little slower, so "no worse" means: within 5
  percent.
- **While guesses are in flight**, another process sends wrong codes, each from a shopper of its
  own, and the next one when one is answered. The breaker is tripped before anything is measured.
- In the picture, batches of one, plain Peewee and pgbench took turns with Authorize and not with
  the empty RPC. Their bars are Authorize's share times their ratio to Authorize.

## What is measured, and how

- Requests are encoded before the clock starts, and each has ids of its own. One process writes them
  as HTTP/2 frames on one connection. Every answer is counted and its `grpc-status` checked, and
  every answer of Validate must say that the card is usable: a single refusal makes the run void. If
  the run leaves a ledger of the service, `giftcard audit` must find that every cent adds up.
- Throughput is answers per second. p50 and p99 are latencies as the caller sees them; with many
  calls in flight they are mostly time in the queue. For *Authorize + Capture* both are of the pair.
- Servers have their default settings, with two exceptions. By default a server refuses some of 256
  calls at a time as overloaded; the server on which every kind of call is measured lets all of them
  wait (`GIFTCARD_WAITING_LIMIT=256`, `GIFTCARD_RPC_THREADS=800`). And batches of one are a setting.
- The first round warms up and is not counted.
- Both databases are durable, which is checked before anything is measured. Each server has a
  database of its own. PostgreSQL runs on the same machine, so PostgreSQL, the server and the
  generator share its cores.
- Growth: databases are filled with cards directly ([`filling.py`](../bench/loads/filling.py)); one
  card of four was used before. The sizes take turns, and cards are picked at random.

## What is not measured

- Several servers on one PostgreSQL, a network, and PostgreSQL on a machine of its own;
  [scale.md](scale.md) calculates them.
- Declined calls and replays.
- Long runs: a run takes minutes. `make bench BENCH_FLAGS="--soak 60"` shows memory, sizes and
  latencies over time.

## Every row

Medians over the rounds; [`performance.json`](performance.json) has each of them.

{cases}

## Once

{once}

## Where

{facts}
"""


def publish(results: Results, plan: Plan) -> None:
    """Write the page, its picture, and every round as JSON."""
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
