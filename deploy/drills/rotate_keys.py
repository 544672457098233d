#!/usr/bin/env python3
"""Drill: a new key makes new cards, the old one is needed no more, and leaves the ring.

    deploy/drills/rotate_keys.py

Two servers share a database on PostgreSQL, so that each step has to suit both.
"""

from pathlib import Path

from practice import MARKET, Card, Practice, rehearse
from practice_postgresql import database_on_postgresql
from practice_server import Server

CANNOT_START = 1


class Pair:
    """Two servers that share the database and the ring; restarts are one after the other."""

    def __init__(self, practice: Practice) -> None:
        """Start both."""
        self._practice = practice
        self.servers = [practice.serve(name) for name in ("first", "second")]

    def restart(self, **settings: str) -> None:
        """Restart one after the other, so that one of them always answers."""
        self._practice.settings.update(settings)
        restarted: list[Server] = []
        for name, server in zip(("first", "second"), self.servers, strict=False):
            self._practice.see("a server stopped in order", holds=server.stop() == 0)
            restarted.append(self._practice.serve(name, in_place_of=server))
        self.servers = restarted

    def find(self, *cards: Card) -> None:
        """See that every server finds all these cards."""
        for server in self.servers:
            self._practice.settings["GIFTCARD_TARGET"] = server.target
            for card in cards:
                self._practice.answer("validate", "--market", MARKET, typed=card.code)
        self._practice.see("every server finds every live card")

    def stop_the_second(self) -> None:
        """Go on with one server, where what follows is the same for each."""
        self.servers.pop().stop()


def drill(practice: Practice) -> str:
    """Put a key into the ring, use it, rewrap, and take the former one out."""
    practice.step("Start two servers on one database, and sell a card under the key k1.")
    database_on_postgresql(practice)
    ring = Path(practice.settings["GIFTCARD_KEY_FILE"])
    pair = Pair(practice)
    old = practice.sold()
    practice.step("Add k2 behind k1, and restart both: from now on both would find its cards.")
    practice.run("giftcard", "keys", "rotate", ring, "--later")
    pair.restart()
    practice.step("Put k2 first, and restart both: new cards are of k2, old ones are still found.")
    practice.run("giftcard", "keys", "rotate", ring, "--to", "k2")
    pair.restart()
    new = practice.sold()
    pair.find(old, new)
    listed = practice.run("giftcard", "keys", "list")
    practice.see("k2 is for new cards", holds="1, for new cards" in listed)
    practice.step("Wrap the data keys of people under k2, and hash their addresses by it.")
    practice.run("giftcard", "keys", "rewrap")
    practice.run("giftcard", "people", "reindex")
    uses = {each["key_id"]: each for each in practice.answer("keys", "list")["keys"]}
    practice.see("no person needs k1 any more", holds=uses["k1"]["people"] == 0)
    found = practice.answer("support", "find", "--email", "ada@shop.example")["cards"]
    practice.see("both cards are found by their buyer's address", holds=len(found) == 2)
    practice.step("Try to take k1 out too early: a check says why no server would start.")
    whole = ring.read_text(encoding="ascii")
    ring.write_text(_without("k1", whole), encoding="ascii")
    said = practice.run("giftcard", "keys", "check", exit_code=CANNOT_START)
    practice.see("a live card needs k1", holds="need the key k1" in said)
    ring.write_text(whole, encoding="ascii")
    practice.step("Wait until no live card needs k1. Here its card is paid with, which ends it.")
    practice.spent(old)
    practice.step(
        "Retire k1 in the settings of all servers, restart them, take it out of the ring, and"
        " restart them again. It is the same for each, so go on with one of them here."
    )
    pair.stop_the_second()
    pair.restart(GIFTCARD_RETIRED_KEYS="k1")
    ring.write_text(_without("k1", whole), encoding="ascii")
    practice.run("giftcard", "keys", "check")
    pair.restart()
    pair.find(new)
    practice.spent(new)
    practice.audit()
    return "a key was rotated and retired, and two servers found every live card throughout."


def _without(key_id: str, ring: str) -> str:
    return "".join(line for line in ring.splitlines(keepends=True) if line.split()[:1] != [key_id])


if __name__ == "__main__":
    rehearse(__doc__.partition("\n")[0], drill)
