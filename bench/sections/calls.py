"""Every kind of call on both databases, with few and many in flight, beside an empty RPC.

In one round, as many cards as there are calls go through their life: they are issued, validated,
authorized, looked at, reversed, and finally authorized and captured. Both servers run all the time
and take turns.
"""

from __future__ import annotations

import statistics
from contextlib import ExitStack

from loads.http2_load import Run
from loads.messages import (
    EMPTY,
    authorize,
    capture,
    code_of,
    get_authorization,
    is_usable,
    issue,
    new_id,
    preview_reverse,
    reverse,
    validate,
    would_be_granted,
)
from loads.servers import Server, World, serving
from plans import BUSY, Plan
from results import DATABASES, EMBEDDED, Case, Results, Sample

SECTION = "calls"
EMPTY_RPC = "empty RPC (health check)"
# The reads that shall cost no more than Validate.
LOOKS = ("GetAuthorization", "PreviewReverse")
NAMES = (EMPTY_RPC, "Validate", *LOOKS, "Authorize", "Authorize + Capture", "Issue", "Reverse")
# By default a server refuses more calls than it can answer soon, which 256 at a time may be.
# Here all of them shall wait, since a refusal says nothing about speed.
PATIENT = {"GIFTCARD_WAITING_LIMIT": "256", "GIFTCARD_RPC_THREADS": "800"}


def measure(world: World, plan: Plan, results: Results) -> None:
    """Measure every kind of call, and audit the databases."""
    with ExitStack() as stack:
        places = [stack.enter_context(world.place(database)) for database in DATABASES]
        servers = [stack.enter_context(serving(place, **PATIENT)) for place in places]
        for server in servers:
            life(server, plan.calls[BUSY], BUSY)  # To warm up.
        for _ in range(plan.rounds):
            for in_flight, calls in plan.calls.items():
                for server in servers:
                    runs = life(server, calls, in_flight)
                    for name in NAMES:
                        case = Case(SECTION, name, server.place.database, in_flight)
                        results.add(case, Sample.of_run(runs[name]))
        for place in places:
            place.audit()
    empty = results.samples[Case(SECTION, EMPTY_RPC, EMBEDDED, BUSY)]
    ceiling = statistics.median(sample.rate / sample.busy for sample in empty if sample.busy)
    results.once["generator, with a core of its own"] = f"{ceiling:,.0f} calls/s"


def life(server: Server, cards: int, in_flight: int) -> dict[str, Run]:
    """Run one round, and return its runs by the kind of call."""
    key = server.key
    issued, held, paid = ([new_id() for _ in range(cards)] for _ in range(3))
    codes = [code_of(key, issue_id) for issue_id in issued]
    holds = [authorize(id_, code) for id_, code in zip(held, codes, strict=True)]
    payments = [
        (authorize(id_, code), capture(key, id_)) for id_, code in zip(paid, codes, strict=True)
    ]
    return {
        "Issue": server.run([[issue(issue_id)] for issue_id in issued], in_flight),
        "Validate": server.run([[validate(code)] for code in codes], in_flight, is_usable),
        # Next to Validate and Authorize, which are compared with it.
        EMPTY_RPC: server.run([[EMPTY]] * cards, in_flight),
        "Authorize": server.run([[hold] for hold in holds], in_flight),
        "GetAuthorization": server.run([[get_authorization(key, id_)] for id_ in held], in_flight),
        "PreviewReverse": server.run(
            [[preview_reverse(key, id_)] for id_ in held], in_flight, would_be_granted
        ),
        "Reverse": server.run([[reverse(key, id_)] for id_ in held], in_flight),
        "Authorize + Capture": server.run(payments, in_flight),
    }
