"""The checker as a command: `python -m giftcard_client.histories --help`.

It calls a server from several threads, under any faults, and then reports whether some order of all
calls explains all answers.
"""

import argparse
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import grpc

from giftcard_client.histories import sums
from giftcard_client.histories.calling.run import ask_again, call_for, recorders_at, shared_cards
from giftcard_client.histories.calling.workload import Caller, LostError, Refused
from giftcard_client.histories.check import Verdict, check, compare
from giftcard_client.histories.model.terms import SECOND
from giftcard_client.histories.recording.history import History, UnreadableHistoryError, read

CONSISTENT, NOT_CONSISTENT, USAGE = 0, 1, 2
# Longer than the figures that /metrics shows are old.
METRICS_SECONDS = 30.0


def options() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    parser = argparse.ArgumentParser(
        prog="python -m giftcard_client.histories",
        description="Buy cards and pay with them, with many callers at once, while you give the"
        " server any faults; then check that some order of all calls is what the rules"
        " allow, that replays are the same to the byte, and that the sums are right. For test"
        " systems: the cards are real. Exits 0 where all is well, 1 where it is not.",
    )
    add = parser.add_argument
    add("--target", action="append", metavar="HOST:PORT", help="where to call; repeat for replicas")
    add("--seconds", type=float, default=10, help="for how long (10)")
    add("--threads", type=int, default=8, help="how many callers at once (8)")
    add("--cards", type=int, default=8, help="how many cards all callers go for (8)")
    add("--seed", type=int, default=1, help="of what callers do")
    add("--patience", type=float, default=60, help="seconds to wait for answers at the end (60)")
    add("--metrics", metavar="URL", help="of /metrics: the sums are compared with it; no other"
        " program may use the database meanwhile")  # fmt: skip
    add("--clock-tolerance", type=float, default=0.05, metavar="SECONDS",
        help="by how much the clocks of the servers and our own may differ (0.05)")  # fmt: skip
    add("--history", type=Path, metavar="FILE", help="write the calls there, as JSON lines")
    add("--check", type=Path, metavar="FILE", help="check the calls in a file, without a server")
    add("--ca", type=Path, help="PEM file of the authority of the server's certificate")
    add("--cert", type=Path, help="PEM file of our own certificate")
    add("--key", type=Path, help="PEM file of its key")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code."""
    parser = options()
    given = parser.parse_args(arguments)
    if (given.check is None) == (given.target is None):
        parser.error("either --target or --check is needed")
    if (given.cert is None) != (given.key is None) or (given.cert and not given.ca):
        parser.error("--cert and --key belong together, and need --ca")
    tolerance = int(given.clock_tolerance * SECOND)
    try:
        if given.check:
            verdict = check(read(given.check), tolerance=tolerance)
        else:
            verdict = _run(given, tolerance)
    except (OSError, UnreadableHistoryError, sums.NoLiabilityError, Refused) as error:
        print(f"not checked: {error}", file=sys.stderr)  # noqa: T201 - the command's answer
        return USAGE
    except LostError:
        print("not checked: the server does not answer", file=sys.stderr)  # noqa: T201 - likewise
        return USAGE
    print(verdict)  # noqa: T201 - likewise
    return CONSISTENT if verdict.is_consistent else NOT_CONSISTENT


def _run(given: argparse.Namespace, tolerance: int) -> Verdict:
    before = sums.before(given.metrics) if given.metrics else {}
    chance = random.Random(given.seed)  # noqa: S311 - what callers do
    with (
        History(given.history) as history,
        recorders_at(given.target, history, _credentials(given)) as recorders,
    ):
        shared = shared_cards(recorders, given.cards, chance)
        callers = [
            Caller(recorders, random.Random(chance.random()), shared)  # noqa: S311 - likewise
            for _ in range(given.threads)
        ]
        call_for(given.seconds, callers)
        _tell(f"{len(history.calls)} calls; now all requests once more")
        unanswered = ask_again(history, recorders, given.threads, given.patience)
    began = time.monotonic()
    verdict = check(history.calls, tolerance=tolerance)
    _tell(f"checked in {time.monotonic() - began:.1f} s, {unanswered} requests left unanswered")
    if given.metrics:
        found = sums.settled(given.metrics, before, verdict.liability, METRICS_SECONDS)
        compare(verdict, found)
    return verdict


def _tell(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - how far it is


def _credentials(given: argparse.Namespace) -> grpc.ChannelCredentials | None:
    if given.ca is None:
        return None
    return grpc.ssl_channel_credentials(
        given.ca.read_bytes(),
        given.key.read_bytes() if given.key else None,
        given.cert.read_bytes() if given.cert else None,
    )


if __name__ == "__main__":
    sys.exit(main())
