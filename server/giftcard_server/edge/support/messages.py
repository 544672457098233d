"""What Customer Service is answered, as messages, and as the bytes that request records keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from giftcard.v1 import gift_card_service_pb2, order_pb2, reason_pb2
from giftcard.v1 import support_service_pb2 as pb
from giftcard_rules.act_commands import ActedOn, ProposalClosed, Proposed, Resent
from giftcard_rules.acts import ActKind
from giftcard_rules.decisions import PersonRole
from giftcard_rules.deliveries import DeliveryState
from giftcard_rules.ledger import PostingKind
from giftcard_rules.proposals import ProposalState
from giftcard_server.edge import responses
from giftcard_server.edge.acting import GROUND_OF
from giftcard_server.edge.responses import (
    PAYMENT_METHOD,
    REASON,
    authorization_message,
    card_message,
    money,
    timestamp,
)
from giftcard_storage.deliveries import delivery_id_of
from giftcard_storage.desk.looking import PersonState
from giftcard_storage.desk.timeline import DeliveryEntry, OtherTenderKind
from giftcard_storage.order_pages import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from google.protobuf.message import Message

    from giftcard_rules.authorization_calls import CardsShown
    from giftcard_rules.commands import Contact, Outcome
    from giftcard_rules.decisions import CardPurchase
    from giftcard_rules.person_acts import Receipt
    from giftcard_rules.proposals import Proposal
    from giftcard_server.edge.support.desk import ShownCard
    from giftcard_storage.deliveries import StoredDelivery
    from giftcard_storage.desk.looking import KnownPerson
    from giftcard_storage.desk.timeline import Entry, Kind

    People = Mapping[tuple[PersonRole, str | None], Contact]

# The answers of the acts; all of them have the same fields, and further services add their own.
ACT_RESPONSES: Final[dict[str, type[Any]]] = {
    "BlockCard": pb.BlockCardResponse,
    "UnblockCard": pb.UnblockCardResponse,
    "WriteOffCard": pb.WriteOffCardResponse,
    "ResendCard": pb.ResendCardResponse,
}
PROPOSAL_STATE: Final = {
    state: pb.ProposalState.Value(f"PROPOSAL_STATE_{state.value}") for state in ProposalState
}
_PERSON_STATE: Final = {
    state: pb.PersonState.Value(f"PERSON_STATE_{state.value}") for state in PersonState
}
PERSON_ROLE: Final = {role: pb.PersonRole.Value(f"PERSON_ROLE_{role.value}") for role in PersonRole}
_TIMELINE_KIND: Final[dict[Kind, pb.TimelineKind.ValueType]] = {
    kind: pb.TimelineKind.Value(f"TIMELINE_KIND_{kind.value}")
    for kinds in (PostingKind, ActKind, OtherTenderKind, DeliveryEntry)
    for kind in kinds
}


def encode(outcome: Outcome) -> bytes:
    """Return an outcome as the encoded answer that a request record keeps."""
    message_of = _MESSAGE_OF.get(type(outcome))
    if message_of is None:
        return responses.encode(outcome)
    encoded: bytes = message_of(outcome).SerializeToString()
    return encoded


def proposal_message(proposal: Proposal, now: datetime | None = None) -> pb.Proposal:
    """Return a proposal as it is at `now`; None: as it was stored."""
    state = proposal.state if now is None else proposal.state_at(now)
    return pb.Proposal(
        proposal_id=proposal.proposal_id,
        act=proposal.act,
        card_id=proposal.card_id,
        proposed_by=proposal.proposed_by,
        ground=GROUND_OF[proposal.ground],
        create_time=timestamp(proposal.created_at),
        lapse_time=timestamp(proposal.lapses_at),
        state=PROPOSAL_STATE[state],
        reason=REASON[proposal.reason] if proposal.reason else reason_pb2.REASON_UNSPECIFIED,
    )


def place_of_proposal(proposal: Proposal) -> Place:
    """Return the place of a proposal in a list: each lapses as long after it was made."""
    return Place(proposal.lapses_at, proposal.proposal_id)


def proposals(
    shown: Sequence[Proposal], now: datetime, next_page_token: str
) -> pb.ListProposalsResponse:
    """Return a page of proposals."""
    return pb.ListProposalsResponse(
        proposals=[proposal_message(each, now) for each in shown],
        next_page_token=next_page_token,
    )


def found(shown: CardsShown, next_page_token: str) -> pb.FindCardsResponse:
    """Return a page of cards."""
    return pb.FindCardsResponse(
        cards=[card_message(card) for card in shown.cards], next_page_token=next_page_token
    )


def card(card: ShownCard) -> pb.GetCardResponse:
    """Return a card and what belongs to it."""
    shown, known = card.shown, card.known
    (one,) = (each for each in shown.cards if each.card_id == card.card_id)
    return pb.GetCardResponse(
        card=card_message(one),
        purchase=_purchase(known.purchase) if known.purchase else None,
        chain=[card_message(each) for each in shown.cards],
        authorizations=[authorization_message(each) for each in shown.authorizations],
        deliveries=[_delivery(each) for each in card.deliveries],
        people=[_person(each, card.opened) for each in known.people],
        block_time=timestamp(one.blocked_at) if one.blocked_at else None,
    )


def timeline(
    entries: Sequence[Entry], currency: str, next_page_token: str
) -> pb.ListTimelineResponse:
    """Return a page of a timeline."""
    return pb.ListTimelineResponse(
        entries=[_entry(each, currency) for each in entries], next_page_token=next_page_token
    )


def _entry(entry: Entry, currency: str) -> pb.TimelineEntry:
    message = pb.TimelineEntry(
        occur_time=timestamp(entry.occurred_at),
        kind=_TIMELINE_KIND[entry.kind],
        amount=None if entry.amount_minor is None else money(entry.amount_minor, currency),
        authorization_id=entry.authorization_id or "",
        order_id=entry.order_id or "",
        related_card_id=entry.related_card_id or "",
        delivery_id=entry.delivery_id or "",
    )
    if entry.act is not None:
        by = entry.act.by
        message.actor, message.ground, message.note = by.actor, GROUND_OF[by.ground], by.note
        message.proposal_id = entry.act.proposal_id or ""
        message.delivery_id = entry.act.delivery_id or ""
        if entry.act.role is not None:
            message.person_role = PERSON_ROLE[entry.act.role]
    return message


def _delivery(delivery: StoredDelivery) -> pb.Delivery:
    return pb.Delivery(
        delivery_id=delivery.delivery_id,
        kind=delivery.kind.value,
        state=delivery.state.value,
        create_time=timestamp(delivery.created_at),
        send_time=timestamp(delivery.sent_at) if delivery.sent_at else None,
        reason=delivery.reason or "",
    )


def _purchase(purchase: CardPurchase) -> gift_card_service_pb2.Purchase:
    return gift_card_service_pb2.Purchase(
        order_id=purchase.order_id,
        payment_method=PAYMENT_METHOD[purchase.payment_method],
        payment_reference=purchase.payment_reference,
    )


def _person(person: KnownPerson, opened: People) -> pb.CardPerson:
    contact = opened.get((person.role, person.authorization_id))
    return pb.CardPerson(
        role=PERSON_ROLE[person.role],
        authorization_id=person.authorization_id or "",
        state=_PERSON_STATE[person.state],
        contact=order_pb2.Contact(name=contact.name, email=contact.email, locale=contact.locale)
        if contact
        else None,
    )


def _acted_on(outcome: ActedOn) -> Message:
    response: Message = ACT_RESPONSES[outcome.method](
        card=card_message(outcome.card),
        replacements=[card_message(each) for each in outcome.replacements],
    )
    return response


def _resent(outcome: Resent) -> Message:
    new = outcome.delivery
    return pb.ResendCardResponse(
        delivery=pb.Delivery(
            delivery_id=delivery_id_of(new.card_id, new.kind, new.resend_number),
            kind=new.kind.value,
            state=DeliveryState.QUEUED.value,
            create_time=timestamp(new.due_at),
        )
    )


def _proposed(outcome: Proposed) -> Message:
    proposal = outcome.proposal
    response: Message = ACT_RESPONSES[proposal.act](proposal_id=proposal.proposal_id)
    return response


def _closed(outcome: ProposalClosed) -> Message:
    proposal, card = proposal_message(outcome.proposal), card_message(outcome.card)
    if outcome.proposal.state is ProposalState.REJECTED:
        return pb.RejectProposalResponse(proposal=proposal, card=card)
    receipt = receipt_message(outcome.receipt) if outcome.receipt else None
    return pb.ApproveProposalResponse(proposal=proposal, card=card, receipt=receipt)


def receipt_message(receipt: Receipt) -> pb.ErasureReceipt:
    """Return the proof of an erasure."""
    return pb.ErasureReceipt(
        receipt_id=receipt.receipt_id,
        erase_time=timestamp(receipt.erased_at),
        card_ids=receipt.card_ids,
        digest=receipt.digest,
    )


_MESSAGE_OF: Final[dict[type[Outcome], Callable[[Any], Message]]] = {
    ActedOn: _acted_on,
    Resent: _resent,
    Proposed: _proposed,
    ProposalClosed: _closed,
}
