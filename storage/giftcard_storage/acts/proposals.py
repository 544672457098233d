"""Reading proposals: one with what was asked for, those of a card, and those that wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from peewee import SQL

from giftcard_storage.acts.entries import data_keys_of
from giftcard_storage.acts.notes import NoteSealing, names_of_proposal
from giftcard_storage.acts.rows import proposal_of
from giftcard_storage.acts.tables import Proposal as Table
from giftcard_storage.errors import translated
from giftcard_storage.rows import microseconds
from giftcard_storage.transactions import reading

if TYPE_CHECKING:
    from datetime import datetime

    from peewee import Database

    from giftcard_rules.codes import KeyRing
    from giftcard_rules.proposals import Proposal
    from giftcard_storage.order_pages import Place

# Written as in the partial index, which serves no other condition.
_OPEN = SQL("state = 'OPEN'")


class ProposalsQuery(NamedTuple):
    """Asks for at most `limit` proposals behind a place, oldest first.

    Those of a card, closed ones too; without one, those that wait and have not lapsed at `now`.
    """

    card_id: str | None
    now: datetime
    after: Place | None
    limit: int


class AskedFor(NamedTuple):
    """A proposal, and the request that it keeps; None: a person of the card was erased since."""

    proposal: Proposal
    request: bytes | None


def asked_for(database: Database, ring: KeyRing, proposal_id: str) -> AskedFor | None:
    """Return a proposal with its request, None where there is none of that id.

    Raises `UnwrapError` where the ring lacks the key of what was asked for, and
    `StorageAwayError`.
    """
    with reading(database), translated():
        query = Table.select().where(Table.proposal_id == proposal_id)
        rows = list(query.tuples().execute(database))
        if not rows:
            return None
        proposal = proposal_of(rows[0])
        data_keys = data_keys_of(database, {proposal.card_id}).get(proposal.card_id, [])
    *_, data_key_id, sealed = rows[0]
    names = names_of_proposal(proposal_id)
    return AskedFor(proposal, NoteSealing(ring).opened(data_keys, data_key_id, names, sealed))


def proposals_on(database: Database, asked: ProposalsQuery) -> list[Proposal]:
    """Return a page of proposals. Raises `StorageAwayError`."""
    query = Table.select()
    if asked.card_id is not None:
        query = query.where(Table.card_id == asked.card_id)
    else:
        query = query.where(_OPEN, Table.lapses_at > microseconds(asked.now))
    if asked.after is not None:
        at, last_id = microseconds(asked.after.created_at), asked.after.authorization_id
        is_behind = (Table.lapses_at == at) & (Table.proposal_id > last_id)
        query = query.where(Table.lapses_at >= at, (Table.lapses_at > at) | is_behind)
    # Each lapses as long after it was made as any other, so that this is their order.
    query = query.order_by(Table.lapses_at, Table.proposal_id).limit(asked.limit)
    with reading(database), translated():
        return [proposal_of(row) for row in query.tuples().execute(database)]
