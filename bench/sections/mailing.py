"""E-mail beside checkouts on the embedded database: how many deliveries leave in a minute.

Cards are issued, and their messages leave by a real relay, in this process, while thirty orders a
second are set aside and released. The relay shares the machine with both.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from given.servers.mailbox import mailbox
from loads.http2_load import VoidRunError
from loads.messages import authorize, code_of, issue, new_id, reverse
from loads.servers import serving
from plans import BUSY
from results import EMBEDDED, Case, Sample
from sections.calls import PATIENT

if TYPE_CHECKING:
    from loads.servers import World
    from plans import Plan
    from results import Results

SECTION: Final = "mailing"
BESIDE: Final = "Authorize + release beside e-mail"
# Of each card its message and its confirmation.
OF_A_CARD: Final = 2
CARDS: Final = 500
# A shop with 1,800 orders a minute; each is set aside and released.
CHECKOUTS_A_SECOND: Final = 30
AT_ONCE: Final = 6
GIVE_UP_SECONDS: Final = 600


def measure(world: World, plan: Plan, results: Results) -> None:  # noqa: ARG001 - as all sections
    """Measure both, and audit the database."""
    with ExitStack() as stack:
        place = stack.enter_context(world.place(EMBEDDED))
        box = stack.enter_context(mailbox(world.folder))
        config = world.folder / "mailing.toml"
        config.write_text('[markets.fr]\nsender_address = "cards@shop.example"\n', "ascii")
        mailed = {**PATIENT, **box.environment, "GIFTCARD_CONFIG": str(config)}
        server = stack.enter_context(serving(place, **mailed))
        ids = [new_id() for _ in range(CARDS + AT_ONCE)]
        server.run([[issue(each)] for each in ids], BUSY)
        codes = [code_of(server.key, each) for each in ids[-AT_ONCE:]]
        before, began = len(box), time.monotonic()
        while len(box) < OF_A_CARD * CARDS:
            if time.monotonic() - began > GIVE_UP_SECONDS:
                message = f"{OF_A_CARD * CARDS - len(box)} messages did not leave"
                raise VoidRunError(message)
            next_at = time.monotonic() + AT_ONCE / CHECKOUTS_A_SECOND
            held = [new_id() for _ in range(AT_ONCE)]
            checkouts = [
                (authorize(id_, code), reverse(server.key, id_))
                for id_, code in zip(held, codes, strict=True)
            ]
            run = server.run(checkouts, AT_ONCE)
            results.add(Case(SECTION, BESIDE, EMBEDDED, AT_ONCE), Sample.of_run(run))
            time.sleep(max(0.0, next_at - time.monotonic()))
        seconds = time.monotonic() - began
        results.once["deliveries a minute beside checkouts, embedded"] = (
            f"{60 * (len(box) - before) / seconds:,.0f}"
        )
        place.audit()
