"""What batches are worth: Authorize on the durable embedded database, against batches of one.

Two servers run at the same time with the same settings but `batch_limit`; they take turns,
round by round, so that a machine that drifts drifts for both. Figures are ratios first.

    make bench
    .venv/bin/python bench/batching.py [--rounds 5] [--calls 3000] [--in-flight 64]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from grpc_health.v1 import health_pb2
from http2_load import Connection, Run

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1 import order_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE: Final = "/giftcard.v1.GiftCardService/"
HEALTH: Final = "/grpc.health.v1.Health/Check"
READY: Final = "giftcard is ready: grpc "
STOP_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Bench:
    """A server under measurement, and the connection that loads it."""

    name: str
    connection: Connection
    authorized: list[Run] = field(default_factory=list)
    empty: list[Run] = field(default_factory=list)


@contextmanager
def server(folder: Path, **settings: str) -> Iterator[str]:
    """Run a server of its own on a new embedded database, and yield where it listens."""
    environment = {
        **os.environ,
        "GIFTCARD_DATABASE_URL": f"sqlite:///{folder / 'bench.db'}",
        "GIFTCARD_GRPC_LISTEN": "127.0.0.1:0",
        "GIFTCARD_HTTP_LISTEN": "127.0.0.1:0",
        "GIFTCARD_DRAIN_PAUSE_SECONDS": "0",
        "GIFTCARD_LOG_LEVEL": "WARNING",
        **settings,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "giftcard_server"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        ready = process.stdout.readline()
        if not ready.startswith(READY):
            message = f"the server did not start: {ready!r}"
            raise RuntimeError(message)
        yield ready.removeprefix(READY).partition(",")[0]
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def issue(connection: Connection, cards: int, in_flight: int) -> list[str]:
    """Issue cards of 100 euro, and return their codes."""
    requests = [
        pb.IssueRequest(
            request_id=str(uuid.uuid4()),
            market="fr",
            amount=euro(100_00),
            purchase=pb.Purchase(
                order_id=str(uuid.uuid4()),
                payment_method=pb.PAYMENT_METHOD_BANK_CARD,
                payment_reference="bench",
            ),
            purchaser=order_pb2.Contact(name="Bench", email="bench@example.com"),
        ).SerializeToString()
        for _ in range(cards)
    ]
    run = connection.run(f"{SERVICE}Issue", requests, in_flight)
    return [pb.IssueResponse.FromString(message).code for message in run.messages]


def authorize(connection: Connection, codes: list[str], in_flight: int) -> Run:
    """Authorize each card once, each for an order of its own."""
    requests = [
        pb.AuthorizeRequest(
            request_id=str(uuid.uuid4()),
            code=code,
            market="fr",
            order=order_pb2.Order(
                order_id=str(uuid.uuid4()),
                total=euro(60_00),
                lines=[
                    order_pb2.OrderLine(category="phone", amount=euro(55_00)),
                    order_pb2.OrderLine(category="delivery", amount=euro(5_00)),
                ],
            ),
            customer=order_pb2.Contact(name="Bench", email="bench@example.com"),
            attempt_key="bench",
        ).SerializeToString()
        for code in codes
    ]
    return connection.run(f"{SERVICE}Authorize", requests, in_flight)


def euro(amount_minor: int) -> order_pb2.Money:
    """Return an amount in cents."""
    return order_pb2.Money(amount_minor=amount_minor, currency_code="EUR")


def measure(rounds: int, calls: int, in_flight: int) -> tuple[Bench, Bench]:
    """Return the measured server and the one with batches of one."""
    with ExitStack() as stack:
        benches = []
        for name, batch_limit in (("batches", "128"), ("batches of one", "1")):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            target = stack.enter_context(server(folder, GIFTCARD_BATCH_LIMIT=batch_limit))
            connection = Connection(target)
            stack.callback(connection.close)
            benches.append(Bench(name, connection))
        check = health_pb2.HealthCheckRequest().SerializeToString()
        for round_ in range(rounds + 1):
            for bench in benches:
                codes = issue(bench.connection, calls, in_flight)
                authorized = authorize(bench.connection, codes, in_flight)
                empty = bench.connection.run(HEALTH, [check] * calls, in_flight)
                if round_:  # The first one warms up.
                    bench.authorized.append(authorized)
                    bench.empty.append(empty)
        return benches[0], benches[1]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--in-flight", type=int, default=64)
    told = parser.parse_args()
    batched, single = measure(told.rounds, told.calls, told.in_flight)
    ratios = [
        a.per_second / b.per_second
        for a, b in zip(batched.authorized, single.authorized, strict=True)
    ]
    print(f"Authorize, {told.in_flight} in flight, {told.rounds} rounds of {told.calls} calls")
    print(f"  batches against batches of one: {statistics.median(ratios):.2f} times")
    print(f"  round by round: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
    for bench in (batched, single):
        rate = statistics.median(run.per_second for run in bench.authorized)
        share = statistics.median(
            a.per_second / b.per_second for a, b in zip(bench.authorized, bench.empty, strict=True)
        )
        p50 = statistics.median(run.quantile(0.5) for run in bench.authorized) * 1000
        p99 = statistics.median(run.quantile(0.99) for run in bench.authorized) * 1000
        print(
            f"  {bench.name:15} {rate:7.0f}/s  {share:.2f} of a health check"
            f"  p50 {p50:.1f} ms  p99 {p99:.1f} ms"
        )


if __name__ == "__main__":
    main()
