"""Erases what is kept no longer: people past their market's period, and names of actors (R31).

It walks along the primary keys, in small reads that no command waits for, and erases in small
transactions. Ledger, requests and events hold no person and stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import uuid4

from peewee import JOIN, Tuple, fn

from giftcard_rules import privacy
from giftcard_rules.acts import ActedBy, ActKind, Ground, actor_key
from giftcard_rules.cards import AuthorizationState, CardState
from giftcard_rules.codes import actor_digest
from giftcard_rules.decisions import PersonRole
from giftcard_rules.person_acts import Slot
from giftcard_storage.acts.entries import record_acts
from giftcard_storage.acts.tables import Act, Proposal
from giftcard_storage.errors import PersonOutOfReachError, StaleError, translated
from giftcard_storage.personal.changing import erase
from giftcard_storage.personal.offline import erase_card
from giftcard_storage.rows import microseconds
from giftcard_storage.schema import Authorization, Card, DataKey, Posting
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from datetime import datetime, timedelta

    from peewee import Database, Expression, Field

    from giftcard_rules.codes import KeyRing

# So many data keys are looked at in a read, and so many people are erased in a transaction.
LOOKED_AT: Final = 200
ERASED_AT_ONCE: Final = 50
NAMES_AT_ONCE: Final = 200
BY_RETENTION: Final = ActedBy("retention", Ground.LEGAL)
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


class Due(NamedTuple):
    """A person whose period has passed, or a card with all its people and notes (`slot` None)."""

    card_id: str
    slot: Slot | None = None


class Looked(NamedTuple):
    """What came of a part of the walk: how many were looked at, and how many erased."""

    looked_at: int
    erased: int


def erase_past(
    database: Database, ring: KeyRing, kept: Mapping[str, Kept], now: datetime
) -> Generator[Looked]:
    """Erase everybody whose period has passed; yields after each read and its transactions.

    Contacts of holds that were released or lapsed go after `closed_holds`; notes, which may be
    about the card's other people, and everybody else go after `people`, counted from the last
    movement of a card that has ended. Markets that `kept` lacks are left alone. Each erasure is an
    entry of the card's timeline. Raises `StorageAwayError`.
    """
    after = ("", "")
    while found := _data_keys(database, after):
        due = _due(database, found, kept, now)
        erased = sum(
            _erase(database, ring, due[start : start + ERASED_AT_ONCE], now)
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
) -> list[Due]:
    """Return the cards whose period has passed, and of other cards the people of closed holds.

    A card keeps its people while a replacement lives, since that one's e-mails may be theirs.
    """
    roles = {role.value: role for role in PersonRole}
    people = [
        Slot(card_id, roles[role], authorization_id)
        for card_id, _, role, authorization_id in found
        if role in roles
    ]
    card_ids = {card_id for card_id, *_ in found}
    with reading(database), translated():
        cards = _ends(database, card_ids)
        holds = _closings(database, {slot.authorization_id for slot in people} - {""})
        ended = {
            card_id
            for card_id, (market, at) in cards.items()
            if market in kept and at is not None and at < microseconds(now - kept[market].people)
        }
        ended -= _with_living_replacements(database, ended)
    due = [Due(card_id) for card_id in sorted(ended)]
    for slot in people:
        market, _ = cards.get(slot.card_id, ("", None))
        closed_at = holds.get(slot.authorization_id)
        if slot.card_id in ended or market not in kept or closed_at is None:
            continue
        if closed_at < microseconds(now - kept[market].closed_holds):
            due.append(Due(slot.card_id, slot))
    return due


def _with_living_replacements(database: Database, card_ids: set[str]) -> set[str]:
    """Return those of the cards of whose replacements, near or far, one has not ended."""
    living: set[str] = set()
    level = {card_id: {card_id} for card_id in card_ids}
    while level:
        # The second condition is that of the partial index.
        query = Card.select(Card.card_id, Card.replaces_card_id, Card.state).where(
            Card.replaces_card_id.in_(sorted(level)), Card.replaces_card_id.is_null(is_null=False)
        )
        below: dict[str, set[str]] = {}
        for card_id, replaced_id, state in query.tuples().execute(database):
            if state not in _ENDED:
                living |= level[replaced_id]
            below[card_id] = level[replaced_id]
        level = below
    return living


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


def _erase(database: Database, ring: KeyRing, due: Sequence[Due], now: datetime) -> int:
    """Erase people in one transaction; return how many.

    Where somebody is in the way, each is tried alone, so that nobody else has to wait: the next
    walk finds whoever is left.
    """
    if not due:
        return 0
    try:
        with writing(database), translated():
            return sum(_erase_one(database, ring, each, now) for each in due)
    except (StaleError, PersonOutOfReachError):
        if len(due) == 1:
            return 0
    return sum(_erase(database, ring, [each], now) for each in due)


def _erase_one(database: Database, ring: KeyRing, due: Due, now: datetime) -> int:
    """Erase a person, or all people and notes of a card, which the card's timeline tells.

    Of a card that has ended all data keys go, also those that the ring cannot open.
    """
    if due.slot is not None:
        erase(database, ring, due.slot)
        slots = [due.slot]
    else:
        slots = erase_card(database, due.card_id)
    if slots:
        erased = ActKind.PERSON_ERASED
        entry = privacy.entry(uuid4().hex, erased, due.card_id, slots, BY_RETENTION)
        record_acts(database, ring, [entry], now)
    return len(slots)
