#!/usr/bin/env python3
"""Drill: the database is lost, a backup is restored, and what it does not know is listed.

deploy/drills/restore.py                   # the embedded database
deploy/drills/restore.py --on postgresql
"""

import argparse
import shutil
import subprocess
from pathlib import Path

from practice import MARKET, Card, Practice, rehearse
from practice_postgresql import DATABASE, database_on_postgresql

DECLINED = LACKS_SOME = 3
BY = ("--market", MARKET, "--actor", "night shift")
CHANGED = "another generation, in common up to 2"


class Embedded:
    """The embedded database, which has commands of its own."""

    def __init__(self, practice: Practice) -> None:
        """Use the database that the practice installation has anyway."""
        self.practice = practice
        self.file = practice.folder / "giftcard.db"
        self.copy = practice.folder / "backups" / "giftcard.db"
        self.copy.parent.mkdir()
        practice.make_ring()

    def back_up(self, ring: Path) -> None:
        """Copy the database while its server runs, and the ring to another place."""
        self.practice.run("giftcard", "backup", self.copy, "--keys-to", ring)

    def lose(self) -> None:
        """Lose the file and all that SQLite has beside it."""
        for each in self.practice.folder.glob(f"{self.file.name}*"):
            each.unlink()

    def bring_back(self, _journal: Path) -> None:
        """Restore: it begins a generation, and erases again by the journal of the settings."""
        self.practice.run("giftcard", "restore", self.copy)


class OnPostgresql:
    """PostgreSQL, which has tools of its own."""

    def __init__(self, practice: Practice) -> None:
        """Start it."""
        self.practice = practice
        self.postgresql = database_on_postgresql(practice)
        self.copy = practice.folder / "giftcard.dump"

    def back_up(self, ring: Path) -> None:
        """Dump the database while servers run, and copy the ring to another place."""
        self.postgresql.run("pg_dump", "-Fc", "-f", self.copy, self.postgresql.url())
        shutil.copy(self.practice.settings["GIFTCARD_KEY_FILE"], ring)

    def lose(self) -> None:
        """Drop the database."""
        where = ("--maintenance-db", self.postgresql.url("postgres"))
        self.postgresql.run("dropdb", *where, "--force", DATABASE)

    def bring_back(self, journal: Path) -> None:
        """Restore, begin a generation, and erase again, in this order and before any server."""
        where = ("--maintenance-db", self.postgresql.url("postgres"))
        self.postgresql.run("createdb", *where, DATABASE)
        self.postgresql.run("pg_restore", "-d", self.postgresql.url(), self.copy)
        self.practice.run("giftcard", "events", "new-generation", "--yes")
        self.practice.run("giftcard", "people", "reapply-erasures", journal)


class Rehearsal:
    """A ledger, three cards of it, and a consumer that is told what happens to them."""

    def __init__(self, practice: Practice, ledger: Embedded | OnPostgresql) -> None:
        """Start a server on the ledger, sell two cards, and let the consumer follow."""
        self.practice = practice
        self.ledger = ledger
        self.ring = Path(practice.settings["GIFTCARD_KEY_FILE"])
        self.vault = practice.folder / "vault" / "giftcard.keys"
        self.vault.parent.mkdir()
        self.server = practice.serve()
        self.kept, self.spent_later = practice.sold(), practice.sold()
        self.saved = practice.folder / "consumer.jsonl"
        self.refused = practice.folder / "consumer.log"
        self.consumer = _following(practice, self.saved, self.refused)

    def go_on(self) -> Card:
        """Do what the backup will not know; return the card that is sold."""
        practice = self.practice
        practice.step("Go on after the backup: sell a card, pay with another one, erase a person.")
        sold_later = practice.sold()
        practice.spent(self.spent_later)
        erasing = ("privacy", "erase", "--card-id", self.kept.card_id, "--actor", "anna")
        proposal = practice.answer(*erasing)["proposal_id"]
        practice.run(
            "giftcard", "support", "proposals", "approve", proposal, "--actor", "bert",
            "--ground", "customer_request", shown=False,
        )  # fmt: skip
        practice.wait("the consumer has saved 5 events", lambda: len(_lines(self.saved)) == 5)
        return sold_later

    def lose_and_bring_back(self, journal: Path) -> None:
        """Lose all, restore, and start a server whose market takes no payments yet."""
        practice = self.practice
        practice.step("Lose the machine: the server is killed, and database and ring are gone.")
        self.server.kill()
        self.ledger.lose()
        self.ring.unlink()
        practice.step("Bring back the ring and the ledger, before any server starts.")
        shutil.copy(self.vault, self.ring)
        self.ledger.bring_back(journal)
        practice.audit()
        practice.step("Stop payments, until the list of what was forgotten is worked through.")
        practice.run("giftcard", "pause", "authorize", *BY, "--ground", "a restore")
        practice.step("Start a server. The consumer resumes, and learns that the past changed.")
        practice.serve(in_place_of=self.server)
        practice.wait("the consumer has ended", lambda: self.consumer.poll() is not None)
        said = self.refused.read_text(encoding="utf-8")
        practice.see(f"it was told: {CHANGED}", holds=CHANGED in said)

    def work_through(self, sold_later: Card) -> None:
        """List what the ledger forgot, and see to it that nothing is spent twice."""
        practice, spent = self.practice, self.spent_later
        practice.step("List what the consumer knows and the ledger forgot.")
        listed = practice.run("giftcard", "events", "compare", self.saved, exit_code=LACKS_SOME)
        for what in ("3 of them, of 2 cards", sold_later.card_id, spent.card_id, "CARD_REDEEMED"):
            practice.see(f"the list has: {what}", holds=what in listed)
        nothing_lost = self.kept.card_id not in listed
        practice.see("it does not name the card that nothing was lost of", holds=nothing_lost)
        practice.step("One card of the list is unknown here, and one is worth its money again.")
        practice.answer("validate", "--market", MARKET, typed=sold_later.code, exit_code=DECLINED)
        is_full = _balance(practice, spent) == 100_00
        practice.see("100.00 EUR are on the card that was paid with", holds=is_full)
        practice.step("Block it, so that nobody spends it twice. Then let payments go on.")
        practice.run(
            "giftcard", "support", "block", spent.card_id, "--actor", "anna",
            "--ground", "mistake", shown=False,
        )  # fmt: skip
        practice.run("giftcard", "resume", "authorize", *BY)
        practice.wait("another card pays", lambda: _pays(practice, self.kept))
        practice.see("the card that was blocked does not", holds=not _pays(practice, spent))


def drill(practice: Practice) -> str:
    """Lose what was decided after a backup, restore, and find it by what a consumer knows."""
    journal = practice.folder / "erasures.jsonl"
    practice.settings["GIFTCARD_ERASURE_JOURNAL"] = str(journal)
    practice.step("Start a server, sell two cards, and let a consumer save what it is told.")
    rehearsal = Rehearsal(practice, _kind()(practice))
    practice.step("Back up the ledger while the server runs, and the key ring to another place.")
    rehearsal.ledger.back_up(rehearsal.vault)
    sold_later = rehearsal.go_on()
    rehearsal.lose_and_bring_back(journal)
    rehearsal.work_through(sold_later)
    practice.step("Look whether the person who was erased after the backup is erased here.")
    people = practice.answer("support", "show", rehearsal.kept.card_id)["people"]
    practice.see("the person is erased", holds={each["state"] for each in people} == {"ERASED"})
    practice.audit()
    return "a backup was restored, and a consumer knew 3 events of 2 cards that it lacks."


def _following(practice: Practice, saved: Path, log: Path) -> "subprocess.Popen[bytes]":
    """Start a consumer that saves each event that it is told, until it is stopped."""
    with saved.open("wb") as lines, log.open("wb") as errors:
        consumer = subprocess.Popen(
            [practice.program, "events", "tail", "--after", "0", "--output", "json"],
            env=practice.environment,
            stdout=lines,
            stderr=errors,
        )
    practice.opened.callback(consumer.wait)
    practice.opened.callback(consumer.kill)
    return consumer


def _balance(practice: Practice, card: Card) -> int:
    shown = practice.answer("support", "show", card.card_id)
    balance: int = shown["card"]["balance"]["amount_minor"]
    return balance


def _pays(practice: Practice, card: Card) -> bool:
    return practice.ends_with("validate", "--market", MARKET, typed=card.code) == 0


def _lines(saved: Path) -> list[str]:
    return saved.read_text(encoding="utf-8").splitlines()


def _kind() -> type[Embedded] | type[OnPostgresql]:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--on", choices=("embedded", "postgresql"), default="embedded")
    return OnPostgresql if parser.parse_args().on == "postgresql" else Embedded


if __name__ == "__main__":
    rehearse(__doc__.partition("\n")[0], drill)
