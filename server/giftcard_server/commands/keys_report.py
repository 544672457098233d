"""The report of `giftcard keys`: the keys of a ring and what relies on each, without secrets."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from giftcard_server.commands.answers import Output, print_json
from giftcard_server.commands.tables import show
from giftcard_server.keys import key_file

if TYPE_CHECKING:
    from giftcard_rules.codes import KeyRing
    from giftcard_storage.overview import Holdings


@dataclasses.dataclass(frozen=True, slots=True)
class KeyUse:
    """A key and what relies on it; the counts are None where the database did not answer.

    `people` counts the cards whose people are sealed with the key. `place` is its place in the
    ring, 1 for the key that new cards use. Both `place` and `fingerprint` are None for a key that
    cards name and the ring lacks, on purpose if it is `retired`.
    """

    key_id: str
    place: int | None
    fingerprint: str | None
    cards: int | None
    live_cards: int | None
    people: int | None
    retired: bool = False


def uses_of(
    ring: KeyRing | None, holdings: Sequence[Holdings] | None, sealed: Mapping[str, int]
) -> list[KeyUse]:
    """Return the keys of a ring in its order, and then the keys that cards name and it lacks."""
    in_ring, retired = (ring.keys, ring.retired) if ring else ((), frozenset[str]())
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
        *(KeyUse(key_id, None, None, *counted(key_id), key_id in retired) for key_id in lost),
    ]


def print_uses(output: Output, uses: Sequence[KeyUse], remarks: Sequence[str]) -> None:
    """Print what `giftcard keys list` found on standard output."""
    if output is Output.JSON:
        print_json(_as_json(uses, remarks))
        return
    _print_table(uses, remarks)


def print_check(
    output: Output, uses: Sequence[KeyUse], remarks: Sequence[str], mistakes: Sequence[str]
) -> None:
    """Print what `giftcard keys check` found; a server would not start with any mistake."""
    if output is Output.JSON:
        verdict = {"can_start": not mistakes, "mistakes": list(mistakes)}
        print_json(verdict | _as_json(uses, remarks))
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
        missing = "retired" if each.retired else "missing"
        place = {None: missing, 1: "1, for new cards"}.get(each.place, str(each.place))
        counts = (
            "?" if count is None else str(count)
            for count in (each.cards, each.live_cards, each.people)
        )
        table.add_row(each.key_id, place, each.fingerprint or "?", *counts)
    if uses:
        show(table)
    for remark in remarks:
        console.print(remark)
    return console
