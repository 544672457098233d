"""Writing and reading the entries that acts leave in a card's timeline."""

from __future__ import annotations

import json
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from giftcard_rules.acts import Act, ActedBy, ActKind, Ground
from giftcard_rules.decisions import PersonRole
from giftcard_storage import schema
from giftcard_storage.acts.notes import NoteSealing, names_of_act
from giftcard_storage.acts.rows import act_row, sealer_of
from giftcard_storage.acts.tables import Act as ActTable
from giftcard_storage.data_keys import UnwrapError
from giftcard_storage.engines import engine_of
from giftcard_storage.errors import translated
from giftcard_storage.rows import data_key_of, instant
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from peewee import Database

    from giftcard_rules.codes import KeyRing
    from giftcard_storage.data_keys import DataKey
    from giftcard_storage.rows import Row


class ActEntry(NamedTuple):
    """An entry as it is stored, its note opened; the note is empty where it was erased."""

    act: Act
    acted_at: datetime


def record_act(database: Database, ring: KeyRing, act: Act, now: datetime) -> None:
    """Add an entry to a card's timeline, durably; see `record_acts`."""
    record_acts(database, ring, (act,), now)


def record_acts(database: Database, ring: KeyRing, acts: Sequence[Act], now: datetime) -> None:
    """Add entries to the timelines of cards, durably, in a transaction of their own.

    Inside of another transaction they are a part of that one. Raises `StorageAwayError`, and
    `StaleError` where a card does not exist, or the act was recorded before.
    """
    joins = database.in_transaction()
    engine = engine_of(database)
    with nullcontext() if joins else writing(database), translated():
        at_rest = data_keys_of(database, {act.card_id for act in acts})
        made: list[Row] = []
        sealer = sealer_of(NoteSealing(ring), at_rest, made)
        rows = [act_row(act, sealer, now) for act in acts]
        savings = ((engine.insert(schema.DataKey), made), (engine.insert(ActTable), rows))
        engine.save(database, [each for each in savings if each[1]])


def acts_of(database: Database, ring: KeyRing, card_id: str) -> list[ActEntry]:
    """Return the entries of a card, oldest first. Raises `StorageAwayError`."""
    with reading(database), translated():
        data_keys = data_keys_of(database, {card_id}).get(card_id, [])
        query = ActTable.select().where(ActTable.card_id == card_id)
        ordered = query.order_by(ActTable.acted_at, ActTable.act_id, ActTable.kind)
        rows = list(ordered.tuples().execute(database))
    opening = _Opening(NoteSealing(ring), data_keys)
    return [opening.entry(row) for row in rows]


def data_keys_of(database: Database, card_ids: set[str]) -> dict[str, list[DataKey]]:
    """Return the data keys of cards' notes, by card."""
    table = schema.DataKey
    found: dict[str, list[DataKey]] = {}
    query = table.select().where(table.card_id.in_(sorted(card_ids)))
    for row in query.tuples().execute(database):
        data_key = data_key_of(row)
        found.setdefault(data_key.card_id, []).append(data_key)
    return found


@dataclass(frozen=True, slots=True)
class _Opening:
    sealing: NoteSealing
    data_keys: list[DataKey] = field(repr=False)

    def entry(self, row: Row) -> ActEntry:
        (card_id, act_id, kind, acted_at, actor, ground, proposal_id, role, *rest) = row
        authorization_id, delivery_id, data_key_id, kept = rest
        note = corrected_email = ""
        if kept is not None:
            names = names_of_act(card_id, act_id, kind)
            with suppress(UnwrapError):  # Out of reach without the ring's key: shown without.
                text = self.sealing.opened(self.data_keys, data_key_id, names, kept)
                note, corrected_email = json.loads(text) if text is not None else ("", "")
        act = Act(
            act_id=act_id,
            kind=ActKind(kind),
            card_id=card_id,
            by=ActedBy(actor, Ground(ground), note),
            proposal_id=proposal_id,
            role=PersonRole(role) if role else None,
            authorization_id=authorization_id,
            delivery_id=delivery_id,
            corrected_email=corrected_email,
        )
        return ActEntry(act, instant(acted_at))
