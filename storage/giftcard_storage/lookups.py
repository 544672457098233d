"""The ways to look facts up: each by the values of one column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from peewee import SQL

from giftcard_rules.cards import Authorization, Card
from giftcard_rules.ceilings import IssuedValue
from giftcard_rules.decisions import CardPurchase, PurchaseReference, TermsVersion
from giftcard_rules.delivery_facts import ContactRectified, DeliveryMade
from giftcard_rules.facts import RequestRecord
from giftcard_rules.proposals import Proposal
from giftcard_rules.refund_commands import RefundDue
from giftcard_storage import delivery_schema, rows, schema
from giftcard_storage.acts import tables
from giftcard_storage.acts.rows import contact_rectified_of, proposal_of
from giftcard_storage.data_keys import DataKey
from giftcard_storage.deliveries.stored import delivery_made_of
from giftcard_storage.refund_rows import refund_due_of
from giftcard_storage.switches.issued_values import issued_value_of
from giftcard_storage.switches.tables import IssuedValue as IssuedValueRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from peewee import Field

    from giftcard_storage.rows import Found

# What rules look at, and what else is looked up for a command.
RulesFact = (
    Card
    | Authorization
    | RequestRecord
    | CardPurchase
    | PurchaseReference
    | TermsVersion
    | RefundDue
    | IssuedValue
    | Proposal
    | DeliveryMade
    | ContactRectified
)
Fact = RulesFact | DataKey


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """One way to look facts up: by the values of a column, under conditions.

    `make` turns a row into a fact. Each lookup equals itself alone.
    """

    column: Field
    make: Callable[[Found], Fact]
    conditions: tuple[SQL, ...] = ()


CARDS: Final = Lookup(schema.Card.card_id, rows.card_of)
AUTHORIZATIONS: Final = Lookup(schema.Authorization.authorization_id, rows.authorization_of)
LIVE_AUTHORIZATIONS: Final = Lookup(
    schema.Authorization.order_id,
    rows.authorization_of,
    # Written exactly as in the partial index, which serves no other condition.
    (SQL("state IN ('OPEN', 'CAPTURED')"),),
)
# The cards that came out of an authorization; the condition is that of the partial index.
REPLACEMENTS: Final = Lookup(
    schema.Card.authorization_id, rows.card_of, (SQL("authorization_id IS NOT NULL"),)
)
# The cards that replace a card; the condition is that of the partial index.
REPLACING: Final = Lookup(
    schema.Card.replaces_card_id, rows.card_of, (SQL("replaces_card_id IS NOT NULL"),)
)
PURCHASES: Final = Lookup(schema.Purchase.card_id, rows.purchase_of)
PURCHASE_ORDERS: Final = Lookup(schema.Purchase.order_id, rows.purchase_of)
PURCHASE_REFERENCES: Final = Lookup(
    schema.PurchaseReference.payment_reference, lambda row: PurchaseReference(*row)
)
TERMS_VERSIONS: Final = Lookup(schema.TermsVersion.market, lambda row: TermsVersion(*row))
REQUESTS: Final = Lookup(schema.Request.request_id, rows.request_of)
DATA_KEYS: Final = Lookup(schema.DataKey.card_id, rows.data_key_of)
REFUNDS_DUE: Final = Lookup(schema.RefundDue.card_id, refund_due_of)
DELIVERIES: Final = Lookup(delivery_schema.Delivery.card_id, delivery_made_of)
RECTIFIED: Final = Lookup(
    tables.Act.card_id, contact_rectified_of, (SQL("kind = 'PERSON_RECTIFIED'"),)
)
PROPOSALS: Final = Lookup(tables.Proposal.proposal_id, proposal_of)
REFUNDS_OF_ORDERS: Final = Lookup(schema.RefundDue.authorization_id, refund_due_of)
ISSUED_VALUES: Final = Lookup(IssuedValueRow.caller, issued_value_of)

LOOKUPS: Final = (
    REQUESTS,
    CARDS,
    REPLACEMENTS,
    AUTHORIZATIONS,
    LIVE_AUTHORIZATIONS,
    PURCHASE_ORDERS,
    PURCHASE_REFERENCES,
    PURCHASES,
    TERMS_VERSIONS,
    DATA_KEYS,
    REFUNDS_DUE,
    REFUNDS_OF_ORDERS,
    ISSUED_VALUES,
    REPLACING,
    PROPOSALS,
    DELIVERIES,
    RECTIFIED,
)
