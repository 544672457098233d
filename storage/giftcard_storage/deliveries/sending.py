"""What a message says of a card beside its people: the card, its chain, its purchase, its money."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from peewee import SQL

from giftcard_rules.cards import CardState
from giftcard_rules.deliveries import WITH_CODE
from giftcard_rules.ledger import PostingKind
from giftcard_rules.person_acts import Slot
from giftcard_storage import rows
from giftcard_storage.acts.corrected import corrected_address
from giftcard_storage.acts.rows import contact_rectified_of
from giftcard_storage.acts.tables import Act
from giftcard_storage.delivery_schema import Delivery
from giftcard_storage.errors import CardUnknownError, translated
from giftcard_storage.people import ActingFor, people_of
from giftcard_storage.schema import Card, Posting, Purchase
from giftcard_storage.transactions import reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from peewee import Database

    from giftcard_rules import cards
    from giftcard_rules.codes import KeyRing
    from giftcard_rules.decisions import CardPurchase, Person
    from giftcard_rules.deliveries import Addressee
    from giftcard_storage.deliveries.stored import StoredDelivery
    from giftcard_storage.people import Lost

# Each replacement comes of a capture, so that no chain gets anywhere near it.
_LONGEST_CHAIN: Final = 100


class CardToSend(NamedTuple):
    """A card, the cards that it replaces from the last one to the bought one, and its purchase.

    `came_by` are the kinds of postings that brought a replacement its money; of a bought card
    there are none. `cancelled_at` is when the purchase was cancelled.
    """

    card: cards.Card
    chain: tuple[cards.Card, ...]
    purchase: CardPurchase
    came_by: frozenset[PostingKind]
    cancelled_at: datetime | None


class SendingFacts:
    """What messages say, on a connection that one thread at a time uses.

    Every method raises `StorageAwayError`, and `CardUnknownError` where it is about a card.
    """

    def __init__(self, database: Database, ring: KeyRing) -> None:
        self._database = database
        self._ring = ring

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """See one state of the database inside, by one transaction for all that is read."""
        with reading(self._database):
            yield

    def card(self, card_id: str) -> CardToSend:
        """Return a card as it is now, with what its messages say of it."""
        return card_to_send(self._database, card_id)

    def was_corrected(self, delivery: StoredDelivery) -> bool:
        """Return whether the same message was made again for a corrected address (R8)."""
        of = Delivery
        query = of.select().where(
            of.card_id == delivery.card_id,
            of.kind == delivery.kind.value,
            of.resend_number > delivery.resend_number,
            of.address_sealed.is_null(False),  # noqa: FBT003 - Peewee's own signature
        )
        with reading(self._database), translated():
            return bool(query.exists(self._database))

    def was_rectified(self, delivery: StoredDelivery, place: Addressee) -> bool:
        """Return whether the kept address of an addressee was replaced since a delivery was made.

        A corrected address is the delivery's own.
        """
        if delivery.kind not in WITH_CODE or delivery.address_sealed is not None:
            return False
        of = Act
        query = of.select().where(
            of.card_id == place.card_id,
            SQL("kind = 'PERSON_RECTIFIED'"),
            of.acted_at >= rows.microseconds(delivery.created_at),
        )
        slot = Slot(place.card_id, place.role, place.authorization_id or "")
        with reading(self._database), translated():
            found = query.tuples().execute(self._database)
            return any(contact_rectified_of(row).may_be(slot) for row in found)

    def corrected_address(self, delivery: StoredDelivery) -> str | None:
        """Return the address that Customer Service gave for a delivery, which has one.

        None where it was erased with a person of the card. Raises `UnwrapError`.
        """
        kept = delivery.address_sealed
        assert kept is not None
        of = (delivery.card_id, delivery.delivery_id, kept)
        return corrected_address(self._database, self._ring, *of)

    def people(self, card_id: str) -> list[Person | Lost]:
        """Open the people of a card, for e-mail alone."""
        return people_of(self._database, self._ring, card_id, ActingFor.EMAIL_DELIVERY)


def card_to_send(database: Database, card_id: str) -> CardToSend:
    """Look a card up. Raises `CardUnknownError`, `StorageAwayError`."""
    with reading(database), translated():
        card = _card(database, card_id)
        chain: list[cards.Card] = []
        older_id = card.replaces_card_id
        while older_id is not None and len(chain) < _LONGEST_CHAIN:
            chain.append(_card(database, older_id))
            older_id = chain[-1].replaces_card_id
        bought = (card, *chain)[-1]
        query = Purchase.select().where(Purchase.card_id == bought.card_id).tuples()
        (purchase,) = query.execute(database)
        came_by = _came_by(database, card)
        cancelled_at = _cancelled_at(database, card)
    return CardToSend(card, tuple(chain), rows.purchase_of(purchase), came_by, cancelled_at)


def _came_by(database: Database, card: cards.Card) -> frozenset[PostingKind]:
    if card.replaces_card_id is None:
        return frozenset()
    query = Posting.select(Posting.kind).where(
        Posting.card_id == card.replaces_card_id, Posting.to_card_id == card.card_id
    )
    return frozenset(PostingKind(kind) for (kind,) in query.tuples().execute(database))


def _cancelled_at(database: Database, card: cards.Card) -> datetime | None:
    if card.state is not CardState.CANCELLED:
        return None
    query = Posting.select(Posting.posted_at).where(
        Posting.card_id == card.card_id, Posting.kind == PostingKind.CANCEL.value
    )
    return next((rows.instant(at) for (at,) in query.tuples().execute(database)), None)


def _card(database: Database, card_id: str) -> cards.Card:
    found = list(Card.select().where(Card.card_id == card_id).tuples().execute(database))
    if not found:
        raise CardUnknownError
    return rows.card_of(found[0])
