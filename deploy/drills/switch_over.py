#!/usr/bin/env python3
"""Drill: PostgreSQL's primary dies under load, its standby takes over, and no answer is lost.

deploy/drills/switch_over.py
"""

from practice import Practice, rehearse
from practice_load import Load
from practice_postgresql import DATABASE, PASSWORD, USER, Postgresql, database_on_postgresql

IS_SYNCHRONOUS = "SELECT sync_state FROM pg_stat_replication"


def drill(practice: Practice) -> str:
    """Let a synchronous standby take the place of a primary while a shop sells and pays."""
    practice.step("Start a primary and a standby, and let commits wait for the standby.")
    primary = database_on_postgresql(practice)
    standby = Postgresql(practice, follows=primary)
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.sql("SELECT pg_reload_conf()")
    practice.wait("the standby is synchronous", lambda: primary.quietly(IS_SYNCHRONOUS) == "sync")
    practice.step("Start a server whose URL names both hosts: it uses the one that can write.")
    url = f"postgresql://{USER}:{PASSWORD}@{primary.place},{standby.place}/{DATABASE}"
    practice.settings["GIFTCARD_DATABASE_URL"] = url
    server = practice.serve()
    practice.step("Let a shop sell cards without a pause, and repeat what is not decided.")
    with Load(practice) as load:
        load.wait_for_more(2)
        practice.step("Stop the primary at once, as the loss of its machine would.")
        primary.stop()
        practice.wait(
            "the server says that it is not ready",
            lambda: not practice.is_ready(server),
        )
        practice.see_why(server)
        practice.step("Make the standby the primary. The server is left as it is.")
        standby.promote()
        practice.wait(
            "the server is ready by itself",
            lambda: practice.is_ready(server),
        )
        load.wait_for_more(2)
    practice.step(
        "Look for every card that the shop was told of, in the ledger of the new primary."
    )
    practice.see(f"{len(load.sold)} cards were sold", holds=not load.failed)
    known = set(standby.sql("SELECT card_id FROM card").splitlines())
    practice.see("no card is missing, and none was sold twice", holds=known == set(load.sold))
    practice.audit()
    practice.step(
        "Follow up: until there is another standby, nothing is kept twice. Make one soon."
    )
    return "a standby took over under load, and every answered sale is in its ledger, once."


if __name__ == "__main__":
    rehearse(__doc__.partition("\n")[0], drill)
