#!/usr/bin/env python3
"""Drill: servers are replaced by a new version, one after the other, while a shop sells.

    deploy/drills/rolling_upgrade.py --former /opt/giftcard-of-today/bin/giftcard

The program is `giftcard` of the version that you run today; the drill runs with the next one.
"""

import argparse
import shutil

from practice import DrillFailedError, Practice, rehearse
from practice_load import Load
from practice_postgresql import Postgresql, database_on_postgresql

FENCES = "fences off"
NAMES = ("first", "second", "third")


def drill(practice: Practice) -> str:
    """Migrate under load, and replace one server after the other."""
    former = _former()
    practice.step("Start three servers of the version of today on one database, with its schema.")
    postgresql = database_on_postgresql(practice, program=former)
    servers = [practice.serve(name, program=former) for name in NAMES]
    practice.step("Let a shop sell without a pause, by one channel to all three servers.")
    with Load(practice, *(each.target for each in servers)) as load:
        load.wait_for_more(2)
        practice.step("Ask what the migration of the next version means for servers of today.")
        planned = practice.run("giftcard", "migrate", "--dry-run")
        practice.see("it only expands, so that they may go on", holds=FENCES not in planned)
        practice.step("Migrate. The servers of today go on.")
        practice.run("giftcard", "migrate")
        load.wait_for_more(2)
        practice.step("Replace one server after the other: SIGTERM, then the next version.")
        for name, server in zip(NAMES, servers, strict=True):
            practice.see(f"the {name} server drained, exit code 0", holds=server.stop() == 0)
            practice.serve(name, in_place_of=server)
            load.wait_for_more(1)
    practice.step("Look for failed calls, and for every card in the ledger.")
    practice.see(
        f"{len(load.sold)} cards were sold, and no call failed",
        holds=not load.failed and not load.again,
    )
    known = _cards(postgresql)
    practice.see("no card is missing, and none was sold twice", holds=known == set(load.sold))
    practice.audit()
    return "three servers were replaced over a migration that only expands, and no call failed."


def _cards(postgresql: Postgresql) -> set[str]:
    return set(postgresql.sql("SELECT card_id FROM card").splitlines())


def _former() -> str:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--former", required=True, help="`giftcard` of the version of today")
    former: str = parser.parse_args().former
    if shutil.which(former) is None:
        message = f"{former} is no program"
        raise DrillFailedError(message)
    return former


if __name__ == "__main__":
    rehearse(__doc__.partition("\n")[0], drill)
