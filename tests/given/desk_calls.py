"""Commands of Customer Service for the tests of rules and storage, complete by default."""

from typing import Any

from giftcard_rules.act_commands import (
    ActOnCard,
    ApproveProposal,
    CancelPurchase,
    RejectProposal,
    ResendCard,
)
from giftcard_rules.acts import ActedBy, Ground
from giftcard_rules.cards import Card
from giftcard_rules.codes import derive_act_id
from giftcard_rules.commands import DeskAct, RequestKey
from giftcard_rules.person_acts import ActOnPeople, PersonAct
from given.made_facts import BUYER, KEY, request_key

ANNA, BEN = "anna", "ben"


def acted_by(actor: str = ANNA, note: str = "") -> ActedBy:
    """Return who acts, on a customer's request."""
    return ActedBy(actor, Ground.CUSTOMER_REQUEST, note)


def act_id_of(key: RequestKey) -> str:
    """Return the id of the act that a request makes."""
    return derive_act_id(KEY, key.caller, key.request_id)


def act_on(act: DeskAct | ResendCard, actor: str = ANNA, note: str = "") -> ActOnCard:
    """Return an act that is done at once."""
    key = request_key()
    return ActOnCard(key=key, act=act, by=acted_by(actor, note), act_id=act_id_of(key))


def act_on_people(act: PersonAct, actor: str = ANNA) -> ActOnPeople:
    """Return an act on the data of people that is done at once."""
    key = request_key()
    return ActOnPeople(key=key, act=act, by=acted_by(actor), act_id=act_id_of(key))


def propose(act: DeskAct | ResendCard, actor: str = ANNA, note: str = "") -> ActOnCard:
    """Return an act under four eyes."""
    key = request_key()
    return ActOnCard(
        key=key,
        act=act,
        by=acted_by(actor, note),
        act_id=act_id_of(key),
        is_proposed=True,
        request=b"as it was sent",
    )


def approve(proposed: ActOnCard, actor: str = BEN) -> ApproveProposal:
    """Return the approval of what a command proposed."""
    key = request_key()
    return ApproveProposal(
        key=key,
        proposal_id=proposed.act_id,
        act=proposed,
        by=acted_by(actor),
        act_id=act_id_of(key),
    )


def reject(proposed: ActOnCard, actor: str = BEN) -> RejectProposal:
    """Return the rejection of what a command proposed."""
    key = request_key()
    return RejectProposal(
        key=key, proposal_id=proposed.act_id, by=acted_by(actor), act_id=act_id_of(key)
    )


def cancel_purchase(card: Card, **changes: Any) -> CancelPurchase:
    """Return the cancellation of a purchase whose buyer has no code."""
    key = request_key()
    fields: dict[str, Any] = {
        "key": key,
        "card_id": card.card_id,
        "market": card.market,
        "purchase_order_id": card.purchase_order_id,
        "purchaser_email": BUYER.email,
        "exercised_on": None,
        "by": acted_by(),
        "act_id": act_id_of(key),
    }
    return CancelPurchase(**(fields | changes))
