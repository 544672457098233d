"""The requests of the bench, encoded before the clock starts, each with ids of its own.

Codes and authorization ids are derived from request ids with the server's ring key, which the
bench has. So a Capture can be encoded before its Authorize is answered.
"""

from __future__ import annotations

import uuid
from typing import Final

from grpc_health.v1 import health_pb2

from giftcard.v1 import authorization_service_pb2 as authorization_pb
from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1 import order_pb2
from giftcard_rules import codes
from giftcard_rules.codes import Key
from giftcard_server.callers.callers import ANYBODY
from loads.http2_load import Call

SERVICE: Final = "/giftcard.v1.GiftCardService/"
AUTHORIZATIONS: Final = "/giftcard.v1.AuthorizationService/"
CARD_MINOR: Final = 100_00
PHONE_MINOR: Final = 55_00
DELIVERY_MINOR: Final = 5_00
CONTACT: Final = order_pb2.Contact(name="Bench", email="bench@example.com")
# The empty RPC: a health check passes the same server, interceptor and threads, and does no work.
EMPTY: Final = Call(
    "/grpc.health.v1.Health/Check", health_pb2.HealthCheckRequest().SerializeToString()
)


def euro(amount_minor: int) -> order_pb2.Money:
    """Return an amount in cents."""
    return order_pb2.Money(amount_minor=amount_minor, currency_code="EUR")


def new_id() -> str:
    """Return a new id."""
    return str(uuid.uuid4())


def code_of(key: Key, issue_id: str) -> str:
    """Return the code of the card that a request issues."""
    return codes.derive_code(key, ANYBODY.name, issue_id).shown


def issue(request_id: str) -> Call:
    """Buy a card of 100 euro."""
    request = pb.IssueRequest(
        request_id=request_id,
        market="fr",
        amount=euro(CARD_MINOR),
        purchase=pb.Purchase(
            order_id=new_id(),
            payment_method=pb.PAYMENT_METHOD_BANK_CARD,
            payment_reference=new_id(),
        ),
        purchaser=CONTACT,
    )
    return Call(f"{SERVICE}Issue", request.SerializeToString())


def validate(code: str, attempt_key: str = "bench") -> Call:
    """Ask what a card would pay of an order."""
    request = pb.ValidateRequest(code=code, market="fr", order=_order(), attempt_key=attempt_key)
    return Call(f"{SERVICE}Validate", request.SerializeToString())


def is_usable(answer: bytes) -> bool:
    """Return whether Validate found the card usable: a refusal has the status OK as well."""
    return bool(pb.ValidateResponse.FromString(answer).usable)


def authorize(request_id: str, code: str) -> Call:
    """Set the price of a new order aside."""
    request = pb.AuthorizeRequest(
        request_id=request_id,
        code=code,
        market="fr",
        order=_order(),
        customer=CONTACT,
        attempt_key="bench",
    )
    return Call(f"{SERVICE}Authorize", request.SerializeToString())


def capture(key: Key, authorize_id: str) -> Call:
    """Take all that an Authorize set aside."""
    request = pb.CaptureRequest(
        request_id=new_id(), authorization_id=_authorization_id(key, authorize_id)
    )
    return Call(f"{SERVICE}Capture", request.SerializeToString())


def reverse(key: Key, authorize_id: str) -> Call:
    """Release all that an Authorize set aside."""
    request = pb.ReverseRequest(
        request_id=new_id(),
        authorization_id=_authorization_id(key, authorize_id),
        reason=pb.REVERSE_REASON_ORDER_CANCELLED,
    )
    return Call(f"{SERVICE}Reverse", request.SerializeToString())


def get_authorization(key: Key, authorize_id: str) -> Call:
    """Look at what an Authorize set aside."""
    request = authorization_pb.GetAuthorizationRequest(
        authorization_id=_authorization_id(key, authorize_id)
    )
    return Call(f"{AUTHORIZATIONS}GetAuthorization", request.SerializeToString())


def preview_reverse(key: Key, authorize_id: str) -> Call:
    """Ask what would be released."""
    request = authorization_pb.PreviewReverseRequest(
        authorization_id=_authorization_id(key, authorize_id),
        reason=pb.REVERSE_REASON_ORDER_CANCELLED,
    )
    return Call(f"{AUTHORIZATIONS}PreviewReverse", request.SerializeToString())


def would_be_granted(answer: bytes) -> bool:
    """Return whether Reverse would be granted: a preview that refuses has the status OK as well."""
    return bool(authorization_pb.PreviewReverseResponse.FromString(answer).outcome)


def _authorization_id(key: Key, authorize_id: str) -> str:
    return codes.derive_authorization_id(key, ANYBODY.name, authorize_id)


def _order() -> order_pb2.Order:
    return order_pb2.Order(
        order_id=new_id(),
        total=euro(PHONE_MINOR + DELIVERY_MINOR),
        lines=[
            order_pb2.OrderLine(category="phone", amount=euro(PHONE_MINOR)),
            order_pb2.OrderLine(category="delivery", amount=euro(DELIVERY_MINOR)),
        ],
    )
