#!/usr/bin/env python3
"""Drill: the audit suspects a double spend. Stop, keep the evidence, find the card, go on.

deploy/drills/double_spend.py
"""

import json

from practice import Practice, rehearse
from practice_postgresql import database_on_postgresql

DIFFERS = 1
DECLINED = 3
# What somebody who owns the database does to spend a card again. The triggers refuse it
# otherwise.
UNCHECKED = "SET session_replication_role = replica"
TAMPERED = "UPDATE card SET state = 'ACTIVE', balance_minor = initial_minor WHERE card_id = '{}'"
# A small ledger is walked once a minute; a walk that begins anew need not be waited for.
WALK_ANEW = "DELETE FROM audit_walk"


def drill(practice: Practice) -> str:
    """Tamper with a ledger, and do what the runbook says about it."""
    practice.step("Serve, sell three cards, pay with one of them, and hold another one.")
    postgresql = database_on_postgresql(practice)
    server = practice.serve()
    spent, open_, good = practice.sold(), practice.sold(), practice.sold()
    practice.spent(spent)
    held = practice.held(open_)
    practice.step("Somebody with access to the database gives the paid card its value again.")
    server.stop()
    postgresql.sql(f"{UNCHECKED}; {TAMPERED.format(spent.card_id)}")
    postgresql.sql(WALK_ANEW)
    server = practice.serve(in_place_of=server)
    second = practice.held(spent)
    practice.see("a second order was authorized with it")
    practice.step("The alert: giftcard_ledger_discrepancies is not 0. The log says which card.")
    practice.wait(
        "giftcard_ledger_discrepancies is above 0",
        lambda: (practice.metric(server, "giftcard_ledger_discrepancies") or 0) > 0,
    )
    logged = server.logged("ledger discrepancy")
    practice.see(f"the log: {logged[0]['invariant']}: {logged[0]['subject']}")
    practice.step("Stop what gives out value while you look. Captures and refunds go on.")
    for act in ("issue", "authorize"):
        practice.run(
            "giftcard", "pause", act, "--market", "fr", "--ground", "a double spend?",
            "--actor", "night shift",
        )  # fmt: skip
    practice.wait(
        "authorize is declined (MARKET_PAUSED)",
        lambda: practice.ends_with(*practice.paying(), typed=good.code) == DECLINED,
    )
    practice.answer("capture", held)
    practice.see("a capture went on")
    practice.step("Keep the evidence as it is, before anything else is done.")
    postgresql.run("pg_dump", "-Fc", "-f", practice.folder / "evidence.dump", postgresql.url())
    practice.step("Look at the whole ledger: one card is in it, so a row was changed.")
    report = practice.run("giftcard", "audit", "--output", "json", exit_code=DIFFERS, shown=False)
    subjects = {each["subject"] for each in json.loads(report)["differences"]}
    for each in sorted(subjects):
        practice.see(each)
    cards = {each.split()[1] for each in subjects if each.startswith("card ")}
    practice.see("no other card is in it", holds=cards == {spent.card_id})
    practice.step("See what the card was spent for, and ask the order system about both orders.")
    entries = practice.run("giftcard", "support", "timeline", spent.card_id)
    for what in ("CAPTURE", second):
        practice.see(f"the timeline has {what}", holds=what in entries)
    practice.step("The second order is not delivered: give its hold back, and block the card.")
    practice.answer("reverse", second, "--reason", "TECHNICAL")
    practice.run(
        "giftcard", "support", "block", spent.card_id, "--actor", "anna", "--ground", "fraud",
        shown=False,
    )  # fmt: skip
    practice.see(
        "the card pays no more",
        holds=practice.ends_with(*practice.paying(), typed=spent.code) == DECLINED,
    )
    practice.step("Let the market go on.")
    for act in ("authorize", "issue"):
        practice.run("giftcard", "resume", act, "--market", "fr", "--actor", "night shift")
    practice.wait(
        "another card pays", lambda: practice.ends_with(*practice.paying(), typed=good.code) == 0
    )
    practice.step("Mend no row by hand: the loss is booked by people, and the evidence is kept.")
    return "a tampered card was found, the market was stopped and let go on, and the evidence kept."


if __name__ == "__main__":
    rehearse(__doc__.partition("\n")[0], drill)
