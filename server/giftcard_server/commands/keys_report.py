"""What `giftcard keys` says of a ring: its keys, what relies on each, and nothing secret."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from giftcard_server.commands.audit_report import Output
from giftcard_server.keys import key_file

if TYPE_CHECKING:
    from giftcard_rules.codes import KeyRing
    from giftcard_storage.overview import Holdings


@dataclasses.dataclass(frozen=True, slots=True)
class KeyUse:
    """A key and what relies on it; numbers of cards are None where nobody could be asked.

    `people` is how many cards have people whom it opens. `place` 1 is the key that new cards
    take; None is a key that cards name and the ring lacks, whose `fingerprint` nobody knows.
    """

    key_id: str
    place: int | None
    fingerprint: str | None
    cards: int | None
    live_cards: int | None
    people: int | None


def uses_of(
    ring: KeyRing | None, holdings: Sequence[Holdings] | None, sealed: Mapping[str, int]
) -> list[KeyUse]:
    """Return the keys of a ring in its order, and then those that cards name and it lacks."""
    in_ring = ring.keys if ring else ()
    cards: Counter[str] = Counter()
    live_cards: Counter[str] = Counter()
    for each in holdings or ():
        cards[each.key_id] += each.cards
        live_cards[each.key_id] += each.live_cards

    def counted(key_id: str) -> tuple[int | None, int | None, int | None]:
        if holdings is None:
            return None, None, None
        return cards[key_id], live_cards[key_id], sealed.get(key_id, 0)

    lost = sorted((cards.keys() | sealed.keys()) - {key.key_id for key in in_ring})
    return [
        *(
            KeyUse(key.key_id, place, key_file.fingerprint(key), *counted(key.key_id))
            for place, key in enumerate(in_ring, 1)
        ),
        *(KeyUse(key_id, None, None, *counted(key_id)) for key_id in lost),
    ]


def print_uses(output: Output, uses: Sequence[KeyUse], remarks: Sequence[str]) -> None:
    """Print what `giftcard keys list` found on standard output."""
    if output is Output.JSON:
        print(json.dumps(_as_json(uses, remarks)))  # noqa: T201 - the command's answer
        return
    _print_table(uses, remarks)


def print_check(
    output: Output, uses: Sequence[KeyUse], remarks: Sequence[str], mistakes: Sequence[str]
) -> None:
    """Print what `giftcard keys check` found; with any mistake a server would not start."""
    if output is Output.JSON:
        verdict = {"can_start": not mistakes, "mistakes": list(mistakes)}
        print(json.dumps(verdict | _as_json(uses, remarks)))  # noqa: T201 - the command's answer
        return
    console = _print_table(uses, remarks)
    for mistake in mistakes:
        console.print(mistake, style="bold red")
    console.print("A server would refuse to start." if mistakes else "A server can start.")


def _as_json(uses: Sequence[KeyUse], remarks: Sequence[str]) -> dict[str, object]:
    return {"keys": [dataclasses.asdict(each) for each in uses], "remarks": list(remarks)}


def _print_table(uses: Sequence[KeyUse], remarks: Sequence[str]) -> Console:
    console = Console(highlight=False, markup=False)
    table = Table("key", "place", "fingerprint")
    for column in ("cards", "live cards", "people of"):
        table.add_column(column, justify="right")
    for each in uses:
        place = {None: "missing", 1: "1, for new cards"}.get(each.place, str(each.place))
        counts = (
            "?" if count is None else str(count)
            for count in (each.cards, each.live_cards, each.people)
        )
        table.add_row(each.key_id, place, each.fingerprint or "?", *counts)
    if uses:
        console.print(table)
    for remark in remarks:
        console.print(remark)
    return console
