"""A caller with nothing but the generated stubs, and the steps from which tests start."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1.authorization_service_pb2_grpc import AuthorizationServiceStub
from giftcard.v1.gift_card_pb2 import Authorization
from giftcard.v1.gift_card_service_pb2_grpc import GiftCardServiceStub
from giftcard.v1.order_pb2 import Order
from giftcard.v1.privacy_service_pb2_grpc import PrivacyServiceStub
from giftcard.v1.refund_service_pb2_grpc import RefundServiceStub
from giftcard.v1.support_service_pb2_grpc import SupportServiceStub
from given.calls import sent
from given.calls.answered import is_replay, refusal_of

# Longer than any answer of the server takes.
TIMEOUT_SECONDS = 20.0
SERVICE = "giftcard.v1.GiftCardService"


class Shop:
    """Sends requests over a channel."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.channel = channel
        self.stub = GiftCardServiceStub(channel)
        self.authorizations = AuthorizationServiceStub(channel)
        self.refunds = RefundServiceStub(channel)
        self.support = SupportServiceStub(channel)
        self.privacy = PrivacyServiceStub(channel)

    def call(self, request: Any) -> Any:
        """Send a request to the RPC of its type."""
        return self._rpc(request)(request, timeout=TIMEOUT_SECONDS)

    def raw(self, rpc: str, serialized: bytes) -> bytes:
        """Send bytes, which need not be a message."""
        send = self.channel.unary_unary(f"/{SERVICE}/{rpc}", _same, _same)
        answer: bytes = send(serialized, timeout=TIMEOUT_SECONDS)
        return answer

    def answered(self, request: Any) -> tuple[bytes, bool]:
        """Send a request; return its response or refusal as bytes, and whether it is a replay."""
        send = self.channel.unary_unary(f"/{SERVICE}/{_rpc_of(request)}", _same, _same)
        serialized = request.SerializeToString(deterministic=True)
        try:
            answer, call = send.with_call(serialized, timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            refused = refusal_of(error)
            return refused.serialized, refused.replayed
        return answer, is_replay(call)

    def bought(self, amount_minor: int = 50_00) -> pb.IssueResponse:
        """Return a new card and its code."""
        issued: pb.IssueResponse = self.call(sent.issue(amount_minor))
        return issued

    def held(self, code: str, wanted: Order | None = None) -> Authorization:
        """Return money set aside on a card for an order."""
        request = sent.authorize(code, wanted or sent.order(50_00))
        authorized: pb.AuthorizeResponse = self.call(request)
        return authorized.authorization

    def paid(self, code: str, wanted: Order | None = None) -> Authorization:
        """Return the captured authorization of an order that was paid with a card."""
        held = self.held(code, wanted)
        request = sent.capture(held.authorization_id)
        captured: pb.CaptureResponse = self.call(request)
        return captured.authorization

    def _rpc(self, request: Any) -> Any:
        rpc = _rpc_of(request)
        stubs = (self.stub, self.authorizations, self.refunds, self.support, self.privacy)
        return next(getattr(stub, rpc) for stub in stubs if hasattr(stub, rpc))


@contextmanager
def shop_at(target: str) -> Iterator[Shop]:
    """Open a shop that buys at a server, without TLS."""
    with grpc.insecure_channel(target) as channel:
        yield Shop(channel)


def _rpc_of(request: Any) -> str:
    return type(request).__name__.removesuffix("Request")


def _same(serialized: bytes) -> bytes:
    return serialized
