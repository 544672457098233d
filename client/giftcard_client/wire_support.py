"""Read what Customer Service is answered."""

from giftcard.v1 import gift_card_service_pb2, reason_pb2
from giftcard.v1 import support_service_pb2 as messages
from giftcard_client.results import PurchaseRefund
from giftcard_client.support_results import (
    CardActedOn,
    CardPerson,
    CardResent,
    Delivery,
    ErasureReceipt,
    Proposal,
    ProposalClosed,
    PurchaseCancelled,
    ShownCard,
    TimelineEntry,
)
from giftcard_client.values import Contact, Purchase
from giftcard_client.vocabulary import (
    Ground,
    PaymentMethod,
    PersonRole,
    PersonState,
    ProposalState,
    Reason,
    TimelineKind,
)
from giftcard_client.wire_answers import (
    read_authorization,
    read_card,
    read_money,
    read_time,
    read_word,
)


def read_shown_card(message: messages.GetCardResponse) -> ShownCard:
    """Read a card and what belongs to it."""
    return ShownCard(
        card=read_card(message.card),
        purchase=_purchase(message.purchase) if message.HasField("purchase") else None,
        chain=tuple(map(read_card, message.chain)),
        authorizations=tuple(map(read_authorization, message.authorizations)),
        deliveries=tuple(map(_delivery, message.deliveries)),
        people=tuple(map(_person, message.people)),
        block_time=read_time(message.block_time) if message.HasField("block_time") else None,
    )


def read_entry(message: messages.TimelineEntry) -> TimelineEntry:
    """Read an entry of a timeline."""
    return TimelineEntry(
        occur_time=read_time(message.occur_time),
        kind=read_word(TimelineKind, message.kind, messages.TimelineKind.DESCRIPTOR),
        amount=read_money(message.amount) if message.HasField("amount") else None,
        authorization_id=message.authorization_id,
        order_id=message.order_id,
        actor=message.actor,
        ground=_ground(message.ground) if message.ground else None,
        note=message.note,
        related_card_id=message.related_card_id,
        proposal_id=message.proposal_id,
        delivery_id=message.delivery_id,
        person_role=_role(message.person_role) if message.person_role else None,
    )


def read_proposal(message: messages.Proposal) -> Proposal:
    """Read a proposal."""
    return Proposal(
        proposal_id=message.proposal_id,
        act=message.act,
        card_id=message.card_id,
        proposed_by=message.proposed_by,
        ground=_ground(message.ground),
        create_time=read_time(message.create_time),
        lapse_time=read_time(message.lapse_time),
        state=read_word(ProposalState, message.state, messages.ProposalState.DESCRIPTOR),
        reason=read_word(Reason, message.reason, reason_pb2.Reason.DESCRIPTOR)
        if message.reason
        else None,
    )


def read_acted_on(
    message: messages.BlockCardResponse
    | messages.UnblockCardResponse
    | messages.WriteOffCardResponse,
    *,
    replayed: bool,
) -> CardActedOn:
    """Read what became of an act on a card."""
    return CardActedOn(
        card=read_card(message.card) if message.HasField("card") else None,
        replacements=tuple(map(read_card, message.replacements)),
        proposal_id=message.proposal_id,
        replayed=replayed,
    )


def read_resent(message: messages.ResendCardResponse, *, replayed: bool) -> CardResent:
    """Read the answer to ResendCard."""
    delivery = _delivery(message.delivery) if message.HasField("delivery") else None
    return CardResent(delivery, message.proposal_id, replayed)


def read_purchase_cancelled(
    message: messages.CancelPurchaseResponse, *, replayed: bool
) -> PurchaseCancelled:
    """Read the answer to CancelPurchase."""
    refund = message.refund
    methods = gift_card_service_pb2.PaymentMethod.DESCRIPTOR
    return PurchaseCancelled(
        read_card(message.card),
        PurchaseRefund(
            read_money(refund.amount),
            read_word(PaymentMethod, refund.payment_method, methods),
            refund.payment_reference,
        ),
        replayed,
    )


def read_closed(
    message: messages.ApproveProposalResponse | messages.RejectProposalResponse, *, replayed: bool
) -> ProposalClosed:
    """Read what became of a proposal."""
    proposal, card = read_proposal(message.proposal), read_card(message.card)
    if isinstance(message, messages.RejectProposalResponse) or not message.HasField("receipt"):
        return ProposalClosed(proposal, card, replayed)
    return ProposalClosed(proposal, card, replayed, read_receipt(message.receipt))


def read_receipt(message: messages.ErasureReceipt) -> ErasureReceipt:
    """Read the proof of an erasure."""
    return ErasureReceipt(
        receipt_id=message.receipt_id,
        erase_time=read_time(message.erase_time),
        card_ids=tuple(message.card_ids),
        digest=message.digest,
    )


def _delivery(message: messages.Delivery) -> Delivery:
    return Delivery(
        delivery_id=message.delivery_id,
        kind=message.kind,
        state=message.state,
        create_time=read_time(message.create_time),
        send_time=read_time(message.send_time) if message.HasField("send_time") else None,
        reason=message.reason,
    )


def _person(message: messages.CardPerson) -> CardPerson:
    contact = message.contact
    return CardPerson(
        role=_role(message.role),
        authorization_id=message.authorization_id,
        state=read_word(PersonState, message.state, messages.PersonState.DESCRIPTOR),
        contact=Contact(contact.email, contact.name, contact.locale)
        if message.HasField("contact")
        else None,
    )


def _purchase(message: gift_card_service_pb2.Purchase) -> Purchase:
    methods = gift_card_service_pb2.PaymentMethod.DESCRIPTOR
    method = read_word(PaymentMethod, message.payment_method, methods)
    return Purchase(message.order_id, message.payment_reference, method)


def _ground(number: int) -> Ground:
    return read_word(Ground, number, messages.Ground.DESCRIPTOR)


def _role(number: int) -> PersonRole:
    return read_word(PersonRole, number, messages.PersonRole.DESCRIPTOR)
