"""Every statement of the hot path, built by Peewee from the schema, once for each engine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from giftcard_storage.acts.tables import Act, Proposal
from giftcard_storage.delivery_schema import Delivery
from giftcard_storage.lookups import LOOKUPS
from giftcard_storage.schema import (
    Authorization,
    Card,
    DataKey,
    Person,
    Posting,
    Purchase,
    PurchaseReference,
    RefundConfirmation,
    Request,
    RingKeyInUse,
    TermsVersion,
)
from giftcard_storage.switches.tables import IssuedValue

if TYPE_CHECKING:
    from giftcard_storage.engines.engine import Engine, Saving, Selection
    from giftcard_storage.lookups import Lookup


_CHANGES_OF_A_CARD: Final = (
    Card.state,
    Card.balance_minor,
    Card.held_minor,
    Card.hold_id,
    Card.version,
)
# Apart, so that no other change of a card can undo a block that it has not seen.
_CHANGES_OF_A_BLOCK: Final = (Card.blocked, Card.blocked_at, Card.expires_at)
_CHANGES_OF_A_PROPOSAL: Final = (
    Proposal.state,
    Proposal.reason,
    Proposal.closed_at,
    Proposal.closed_by,
)
_CHANGES_OF_AN_AUTHORIZATION: Final = (
    Authorization.state,
    Authorization.expires_at,
    Authorization.captured_minor,
    Authorization.refunded_minor,
    Authorization.refunded_other_minor,
    Authorization.other_tender_minor,
    Authorization.restored_minor,
    Authorization.captured_at,
    Authorization.first_held_at,
    Authorization.refunded_for,
    Authorization.refunded_other_at,
)


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of one engine; `rows.py` has the rows that go in and come out."""

    selections: dict[Lookup, Selection]
    insert_card: Saving
    insert_authorization: Saving
    insert_posting: Saving
    insert_purchase: Saving
    insert_purchase_reference: Saving
    insert_terms_version: Saving
    insert_data_key: Saving
    insert_person: Saving
    insert_request: Saving
    insert_refund_confirmation: Saving
    insert_act: Saving
    insert_delivery: Saving
    insert_proposal: Saving
    close_proposal: Saving
    add_issued_value: Saving
    note_ring_key: Saving
    update_card: Saving
    update_block: Saving
    update_authorization: Saving
    rewrap_data_key: Saving
    reseal_person: Saving


@cache
def statements_of(engine: Engine) -> Statements:
    """Return the statements of an engine."""
    return Statements(
        selections={lookup: engine.select(lookup.column, *lookup.conditions) for lookup in LOOKUPS},
        insert_card=engine.insert(Card),
        insert_authorization=engine.insert(Authorization),
        insert_posting=engine.insert(Posting),
        insert_purchase=engine.insert(Purchase),
        insert_purchase_reference=engine.insert(PurchaseReference),
        insert_terms_version=engine.insert(TermsVersion),
        insert_data_key=engine.insert(DataKey),
        insert_person=engine.insert(Person),
        insert_request=engine.insert(Request),
        insert_refund_confirmation=engine.insert(RefundConfirmation),
        add_issued_value=engine.add(IssuedValue, IssuedValue.amount_minor),
        insert_act=engine.insert(Act),
        insert_delivery=engine.insert(Delivery),
        insert_proposal=engine.insert(Proposal),
        close_proposal=engine.update(_CHANGES_OF_A_PROPOSAL, Proposal.proposal_id, Proposal.state),
        note_ring_key=engine.note(RingKeyInUse),
        update_card=engine.update(_CHANGES_OF_A_CARD, Card.card_id, Card.version),
        update_block=engine.update(_CHANGES_OF_A_BLOCK, Card.card_id, Card.version),
        update_authorization=engine.update(
            _CHANGES_OF_AN_AUTHORIZATION, Authorization.authorization_id
        ),
        rewrap_data_key=engine.update(
            (DataKey.key_id, DataKey.wrapped), DataKey.card_id, DataKey.data_key_id
        ),
        reseal_person=engine.update(
            (Person.data_key_id, Person.sealed, Person.search_hash, Person.search_key_id),
            Person.card_id,
            Person.role,
            Person.authorization_id,
            Person.data_key_id,
        ),
    )
