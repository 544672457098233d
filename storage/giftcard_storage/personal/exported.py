"""What there is about people beside themselves: cards, orders, e-mails, and who read them (R32).

Of somebody else it tells nothing: how a card was paid is the purchaser's, an order is its
customer's. Who works for the shop is not told either, but on which ground they read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from peewee import SQL, BigIntegerField, Model, TextField, fn

from giftcard_rules.acts import ActKind
from giftcard_rules.decisions import PersonRole
from giftcard_storage.acts.tables import Act
from giftcard_storage.rows import instant
from giftcard_storage.schema import Authorization, Card, Purchase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peewee import Database

    from giftcard_rules.person_acts import Slot

Exported = dict[str, Any]

_OF_PEOPLE: Final = (
    ActKind.PERSON_READ,
    ActKind.PERSON_EXPORTED,
    ActKind.PERSON_RECTIFIED,
    ActKind.PERSON_RESTRICTED,
    ActKind.RESTRICTION_LIFTED,
    ActKind.PERSON_ERASED,
)


class _Delivery(Model):
    """An e-mail to a person, as far as it is exported."""

    delivery_id = TextField(primary_key=True)
    person_card_id = TextField(null=True)
    kind = TextField()
    state = TextField()
    role = TextField(null=True)
    authorization_id = TextField(null=True)
    created_at = BigIntegerField()
    sent_at = BigIntegerField(null=True)

    class Meta:
        """Where it lies."""

        table_name = "delivery"


def exported(database: Database, slots: Sequence[Slot]) -> Exported:
    """Return what there is about people, in a transaction that reads.

    Amounts are minor units of the card's currency; instants are ISO 8601, in UTC.
    """
    return {
        "cards": _cards(database, slots),
        "orders": _orders(database, slots),
        "deliveries": _deliveries(database, slots),
        "reads": _reads(database, slots),
    }


def _cards(database: Database, slots: Sequence[Slot]) -> list[Exported]:
    bought = {slot.card_id for slot in slots if slot.role is PersonRole.PURCHASER}
    purchases = {
        card_id: {
            "order_id": order_id,
            "payment_method": method,
            "payment_reference": reference,
            "design": design,
        }
        for card_id, order_id, method, reference, design in Purchase.select(
            Purchase.card_id,
            Purchase.order_id,
            Purchase.payment_method,
            Purchase.payment_reference,
            Purchase.design,
        )
        .where(Purchase.card_id.in_(sorted(bought)))
        .tuples()
        .execute(database)
    }
    query = Card.select().where(Card.card_id.in_(sorted({slot.card_id for slot in slots})))
    return [
        {
            "card_id": card.card_id,
            "market": card.market,
            "currency": card.currency,
            "state": card.state,
            "initial_amount_minor": card.initial_minor,
            "balance_minor": card.balance_minor,
            "issue_time": instant(card.issued_at).isoformat(),
            "expire_time": instant(card.expires_at).isoformat(),
            "last4": card.last4,
            "purchase": purchases.get(card.card_id),
        }
        for card in query.order_by(Card.card_id).execute(database)
    ]


def _orders(database: Database, slots: Sequence[Slot]) -> list[Exported]:
    ids = sorted({slot.authorization_id for slot in slots} - {""})
    query = Authorization.select().where(Authorization.authorization_id.in_(ids))
    return [
        {
            "authorization_id": each.authorization_id,
            "card_id": each.card_id,
            "order_id": each.order_id,
            "state": each.state,
            "order_total_minor": each.order_total_minor,
            "authorized_amount_minor": each.authorized_minor,
            "captured_amount_minor": each.captured_minor,
            "refunded_amount_minor": each.refunded_minor,
            "create_time": instant(each.created_at).isoformat(),
        }
        for each in query.order_by(Authorization.created_at).execute(database)
    ]


def _deliveries(database: Database, slots: Sequence[Slot]) -> list[Exported]:
    """Return the e-mails to people; none where the database keeps no deliveries."""
    if not database.table_exists(_Delivery._meta.table_name):  # noqa: SLF001 - Peewee's own name for it
        return []
    found = []
    for slot in slots:
        query = _Delivery.select(
            _Delivery.kind, _Delivery.state, _Delivery.created_at, _Delivery.sent_at
        ).where(
            _Delivery.person_card_id == slot.card_id,
            _Delivery.role == slot.role.value,
            fn.COALESCE(_Delivery.authorization_id, "") == slot.authorization_id,
        )
        rows = list(query.order_by(_Delivery.created_at).tuples().execute(database))
        found += [
            {
                "card_id": slot.card_id,
                "kind": kind,
                "state": state,
                "create_time": instant(created_at).isoformat(),
                "send_time": None if sent_at is None else instant(sent_at).isoformat(),
            }
            for kind, state, created_at, sent_at in rows
        ]
    return found


def _reads(database: Database, slots: Sequence[Slot]) -> list[Exported]:
    """Return when these people were read and changed; entries that name nobody are about all."""
    found = []
    for card_id in sorted({slot.card_id for slot in slots}):
        of_card = {
            (slot.role.value, slot.authorization_id) for slot in slots if slot.card_id == card_id
        }
        query = Act.select(
            Act.kind, Act.ground, Act.acted_at, Act.role, Act.authorization_id
        ).where(Act.card_id == card_id, Act.kind.in_([kind.value for kind in _OF_PEOPLE]))
        for kind, ground, at, role, authorization_id in (
            query.order_by(Act.acted_at, SQL("kind")).tuples().execute(database)
        ):
            if role is None or (role, authorization_id or "") in of_card:
                time = instant(at).isoformat()
                found.append({"card_id": card_id, "kind": kind, "ground": ground, "time": time})
    return found
