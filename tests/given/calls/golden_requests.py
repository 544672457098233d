"""Requests of the services beside GiftCardService, with what they mean, written for good."""

from collections.abc import Callable
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration

from giftcard.v1 import authorization_service_pb2 as authorization_pb
from giftcard.v1 import refund_service_pb2 as refund_pb
from giftcard_rules.commands import Keyed
from giftcard_server.edge import authorization_requests, refund_messages
from giftcard_server.edge.canonical import Read
from given.calls.sent import euros

ID: Final = "ABCDEF00-0000-4000-8000-000000000001"


def extend(message: authorization_pb.ExtendAuthorizationRequest) -> Read[Keyed]:
    return authorization_requests.extend(message, "shop")


def confirm(message: refund_pb.ConfirmRefundRequest) -> Read[Keyed]:
    return refund_messages.confirmation(message, "shop")


GOLDEN_OF_OTHER_SERVICES: Final[tuple[tuple[Callable[[Any], Read[Keyed]], Any, str], ...]] = (
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
        confirm,
        refund_pb.ConfirmRefundRequest(
            request_id=ID, authorization_id="ABC1", amount=euros(1), provider_reference="RE-1"
        ),
        (
            '{"amount":[1,"EUR"],"authorization_id":"abc1","provider_reference":"RE-1","request'
            '_id":"abcdef00-0000-4000-8000-000000000001"}'
        ),
    ),
)
