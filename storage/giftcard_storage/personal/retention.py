"""Erases what is kept no longer: people past their market's period, and names of actors (R31).

It walks along the primary keys, in small reads that no command waits for, and erases in small
transactions. Ledger, requests and events hold no person and stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from peewee import JOIN, Tuple, fn

from giftcard_rules.acts import actor_key
from giftcard_rules.cards import AuthorizationState, CardState
from giftcard_rules.codes import actor_digest
from giftcard_rules.decisions import PersonRole
from giftcard_rules.person_acts import Slot
from giftcard_storage.acts.tables import Act, Proposal
from giftcard_storage.errors import PersonOutOfReachError, StaleError, translated
from giftcard_storage.personal.changing import erase, erase_notes
from giftcard_storage.rows import microseconds
from giftcard_storage.schema import Authorization, Card, DataKey, Posting
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from datetime import datetime, timedelta

    from peewee import Database, Expression, Field

    from giftcard_rules.codes import KeyRing

# So many data keys are looked at in a read, and so many people are erased in a transaction.
LOOKED_AT: Final = 1000
ERASED_AT_ONCE: Final = 50
NAMES_AT_ONCE: Final = 200
# What stands for the name of an actor: a keyed digest, of which this is the beginning.
DIGEST_MARK: Final = "actor:"
_CLOSED: Final = (AuthorizationState.RELEASED.value, AuthorizationState.LAPSED.value)
_ENDED: Final = (
    CardState.REDEEMED.value,
    CardState.CANCELLED.value,
    CardState.EXPIRED.value,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """How long a market keeps what; see `giftcard_server.privacy.settings`."""

    closed_holds: timedelta
    people: timedelta
    actors: timedelta


class Looked(NamedTuple):
    """What came of a part of the walk: how many were looked at, and how many erased."""

    looked_at: int
    erased: int


def erase_past(
    database: Database, ring: KeyRing, kept: Mapping[str, Kept], now: datetime
) -> Generator[Looked]:
    """Erase everybody whose period has passed; yields after each read and its transactions.

    Contacts of holds that were released or lapsed go after `closed_holds`; everybody else goes
    after `people`, counted from the last movement of a card that has ended. Markets that `kept`
    lacks are left alone. Raises `StorageAwayError`.
    """
    after = ("", "")
    while found := _data_keys(database, after):
        due = _due(database, found, kept, now)
        erased = sum(
            _erase(database, ring, due[start : start + ERASED_AT_ONCE])
            for start in range(0, len(due), ERASED_AT_ONCE)
        )
        after = found[-1][0], found[-1][1]
        yield Looked(len(found), erased)


def hide_actors(
    database: Database, ring: KeyRing, kept: Mapping[str, Kept], now: datetime
) -> Generator[int]:
    """Replace the names of actors by digests once their period has passed; yields how many.

    One name has one digest under a key of the ring, so that acts of one actor stay together.
    """
    for market, periods in kept.items():
        cutoff = microseconds(now - periods.actors)
        for card_of, named, at in (
            (Act.card_id, Act.actor, Act.acted_at),
            (Proposal.card_id, Proposal.proposed_by, Proposal.created_at),
            (Proposal.card_id, Proposal.closed_by, Proposal.closed_at),
        ):
            yield from _hide(
                database, ring, card_of, named, (at < cutoff) & (Card.market == market)
            )


def _hide(
    database: Database,
    ring: KeyRing,
    card_of: Field,
    named: Field,
    is_past: Expression,
) -> Generator[int]:
    table = card_of.model
    key = table._meta.get_primary_keys()  # noqa: SLF001 - Peewee's own name for it
    after: tuple[Any, ...] = ("",) * len(key)
    while True:
        query = (
            table.select(*key, named)
            .join(Card, on=(Card.card_id == card_of))
            .where(Tuple(*key) > after, is_past, ~named.startswith(DIGEST_MARK))
            .order_by(*key)
            .limit(NAMES_AT_ONCE)
        )
        with reading(database), translated():
            found = list(query.tuples().execute(database))
        if not found:
            return
        with writing(database), translated():
            for *row_key, name in found:
                hidden = f"{DIGEST_MARK}{actor_digest(ring.first, actor_key(name))}"
                is_it = [field == value for field, value in zip(key, row_key, strict=True)]
                table.update({named: hidden}).where(*is_it).execute(database)
        after = tuple(found[-1][: len(key)])
        yield len(found)


Found = tuple[str, str, str, str]  # A card, a data key, a role and an authorization.


def _data_keys(database: Database, after: tuple[str, str]) -> list[Found]:
    """Return the next data keys of people along the primary key."""
    key = (DataKey.card_id, DataKey.data_key_id)
    query = (
        DataKey.select(*key, DataKey.role, DataKey.authorization_id)
        .where(Tuple(*key) > after)
        .order_by(*key)
        .limit(LOOKED_AT)
    )
    with reading(database), translated():
        return list(query.tuples().execute(database))


def _due(
    database: Database, found: Sequence[Found], kept: Mapping[str, Kept], now: datetime
) -> list[tuple[Slot, bool]]:
    """Return those of the people whose period has passed, and whether their card's notes go too.

    Notes outlive the contacts of closed holds, as they may be about the card's other people.
    """
    roles = {role.value: role for role in PersonRole}
    people = [
        Slot(card_id, roles[role], authorization_id)
        for card_id, _, role, authorization_id in found
        if role in roles
    ]
    with reading(database), translated():
        cards = _ends(database, {slot.card_id for slot in people})
        holds = _closings(database, {slot.authorization_id for slot in people} - {""})
    due: list[tuple[Slot, bool]] = []
    for slot in people:
        market, ended_at = cards.get(slot.card_id, ("", None))
        periods = kept.get(market)
        if periods is None:
            continue
        has_ended = ended_at is not None and ended_at < microseconds(now - periods.people)
        closed_at = holds.get(slot.authorization_id)
        is_closed = closed_at is not None and closed_at < microseconds(now - periods.closed_holds)
        if has_ended or is_closed:
            due.append((slot, has_ended))
    return due


def _ends(database: Database, card_ids: set[str]) -> dict[str, tuple[str, int | None]]:
    """Return the market of each card, and when the last money moved on one that has ended."""
    query = (
        Card.select(Card.card_id, Card.market, Card.state, fn.MAX(Posting.posted_at))
        .join(Posting, JOIN.LEFT_OUTER, on=(Posting.card_id == Card.card_id))
        .where(Card.card_id.in_(sorted(card_ids)))
        .group_by(Card.card_id, Card.market, Card.state)
    )
    return {
        card_id: (market, at if state in _ENDED else None)
        for card_id, market, state, at in query.tuples().execute(database)
    }


def _closings(database: Database, authorization_ids: set[str]) -> dict[str, int]:
    """Return when holds were released or lapsed, by authorization."""
    query = (
        Authorization.select(Authorization.authorization_id, fn.MAX(Posting.posted_at))
        .join(
            Posting,
            on=(Posting.card_id == Authorization.card_id)
            & (Posting.authorization_id == Authorization.authorization_id),
        )
        .where(
            Authorization.authorization_id.in_(sorted(authorization_ids)),
            Authorization.state.in_(_CLOSED),
        )
        .group_by(Authorization.authorization_id)
    )
    return dict(query.tuples().execute(database))


def _erase(database: Database, ring: KeyRing, due: Sequence[tuple[Slot, bool]]) -> int:
    """Erase people in one transaction; where somebody is in the way, leave all to the next walk."""
    if not due:
        return 0
    try:
        with writing(database), translated():
            for slot, with_notes in due:
                erase(database, ring, slot)
                if with_notes:
                    erase_notes(database, slot.card_id)
    except (StaleError, PersonOutOfReachError):
        return 0
    return len(due)
