"""Requests of the services beside GiftCardService, with what they mean, written for good."""

from collections.abc import Callable
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from google.type.date_pb2 import Date

from giftcard.v1 import authorization_service_pb2 as authorization_pb
from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1 import refund_service_pb2 as refund_pb
from giftcard.v1 import support_service_pb2 as support_pb
from giftcard_rules.commands import Keyed
from giftcard_server.edge import authorization_requests, refund_messages
from giftcard_server.edge.canonical import Read
from giftcard_server.edge.requests import RequestReader
from giftcard_server.edge.support.requests import ActReader
from given.calls.golden_person_acts import GOLDEN_PERSON_ACTS
from given.calls.sent import euros
from given.made_facts import MARKETS, NOW, RING

ID: Final = "ABCDEF00-0000-4000-8000-000000000001"


def extend(message: authorization_pb.ExtendAuthorizationRequest) -> Read[Keyed]:
    return authorization_requests.extend(message, "shop")


def confirm(message: refund_pb.ConfirmRefundRequest) -> Read[Keyed]:
    return refund_messages.confirmation(message, "shop")


ACTS: Final = ActReader(RING, ())
ACTING: Final[dict[str, Any]] = {
    "actor": " Anna",
    "ground": support_pb.GROUND_FRAUD,
    "note": "a note",
}


def block(message: support_pb.BlockCardRequest) -> Read[Keyed]:
    return ACTS.block(message, "shop")


def unblock(message: support_pb.UnblockCardRequest) -> Read[Keyed]:
    return ACTS.unblock(message, "shop")


def resend(message: support_pb.ResendCardRequest) -> Read[Keyed]:
    return ACTS.resend(message, "shop")


def cancel_purchase(message: support_pb.CancelPurchaseRequest) -> Read[Keyed]:
    return ACTS.cancel_purchase(message, "shop", NOW)


def approve(message: support_pb.ApproveProposalRequest) -> Read[Keyed]:
    return ACTS.approve(message, "shop")


def reject(message: support_pb.RejectProposalRequest) -> Read[Keyed]:
    return ACTS.reject(message, "shop")


READER: Final = RequestReader(RING, MARKETS)


def cancel_at_a_desk(message: pb.CancelRequest) -> Read[Keyed]:
    return READER.cancel(message, "shop", NOW)


GOLDEN_OF_OTHER_SERVICES: Final[tuple[tuple[Callable[[Any], Read[Keyed]], Any, str], ...]] = (
    (
        cancel_at_a_desk,
        pb.CancelRequest(
            request_id=ID,
            code="oooo 0000-OOOO-0000",
            purchase_order_id="p-1",
            actor=" Anna ",
            note="Called",
        ),
        (
            '{"actor":"anna","code":"0000000000000000","note":"Called","purchase_order_id":"p'
            '-1","request_id":"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    (
        extend,
        authorization_pb.ExtendAuthorizationRequest(
            request_id=ID, authorization_id="ABC1", hold_for=Duration(seconds=3600, nanos=1999)
        ),
        (
            '{"authorization_id":"abc1","hold_for":3600000001,"request_id":"abcdef00-0000-4000-'
            '8000-000000000001"}'
        ),
    ),
    (
        confirm,
        refund_pb.ConfirmRefundRequest(
            request_id=ID, card_id="ABC1", amount=euros(10_00), provider_reference="re-1"
        ),
        (
            '{"amount":[1000,"EUR"],"card_id":"abc1","provider_reference":"re-1","request_id":'
            '"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    (
        block,
        support_pb.BlockCardRequest(request_id=ID, card_id="ABC1", **ACTING),
        (
            '{"actor":"anna","card_id":"abc1","ground":"FRAUD","note":"a note","request_id":'
            '"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    (
        unblock,
        support_pb.UnblockCardRequest(
            request_id=ID, card_id="ABC1", restore_validity=True, **(ACTING | {"note": ""})
        ),
        (
            '{"actor":"anna","card_id":"abc1","ground":"FRAUD","request_id":"abcdef00-0000-4000-'
            '8000-000000000001","restore_validity":true}'
        ),
    ),
    (
        resend,
        support_pb.ResendCardRequest(
            request_id=ID, card_id="ABC1", corrected_email="Amelie@example.com", **ACTING
        ),
        (
            '{"actor":"anna","card_id":"abc1","corrected_email":"Amelie@example.com","ground":'
            '"FRAUD","note":"a note","request_id":"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    (
        cancel_purchase,
        support_pb.CancelPurchaseRequest(
            request_id=ID,
            market="fr",
            purchase_order_id="p-1",
            purchaser_email="Amelie@example.com",
            exercised_on=Date(year=2026, month=9, day=1),
            **ACTING,
        ),
        (
            '{"actor":"anna","exercised_on":"2026-09-01","ground":"FRAUD","market":"fr","note":'
            '"a note","purchase_order_id":"p-1","purchaser_email":"Amelie@example.com",'
            '"request_id":"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    (
        approve,
        support_pb.ApproveProposalRequest(request_id=ID, proposal_id="ABC1", **ACTING),
        (
            '{"actor":"anna","ground":"FRAUD","note":"a note","proposal_id":"abc1","request_id":'
            '"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    (
        reject,
        support_pb.RejectProposalRequest(request_id=ID, proposal_id="ABC1", **ACTING),
        (
            '{"actor":"anna","ground":"FRAUD","note":"a note","proposal_id":"abc1","request_id":'
            '"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    (
        confirm,
        refund_pb.ConfirmRefundRequest(
            request_id=ID, authorization_id="ABC1", amount=euros(1), provider_reference="RE-1"
        ),
        (
            '{"amount":[1,"EUR"],"authorization_id":"abc1","provider_reference":"RE-1","request'
            '_id":"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
    *GOLDEN_PERSON_ACTS,
)
