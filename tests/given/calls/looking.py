"""Requests about authorizations, as messages; a test changes the one field that it is about."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from giftcard.v1 import authorization_service_pb2 as pb
from giftcard.v1 import gift_card_service_pb2
from given.calls.sent import new_id


def get(authorization_id: str = "unknown") -> pb.GetAuthorizationRequest:
    """Return a request to show an authorization."""
    return pb.GetAuthorizationRequest(authorization_id=authorization_id)


def get_by_request(authorize_request_id: str) -> pb.GetAuthorizationRequest:
    """Return a request to show what became of an Authorize."""
    return pb.GetAuthorizationRequest(authorize_request_id=authorize_request_id)


def list_of(order_id: str, **fields: object) -> pb.ListAuthorizationsRequest:
    """Return a request for a page of an order's authorizations."""
    return pb.ListAuthorizationsRequest(market="fr", order_id=order_id, **fields)  # type: ignore[arg-type] # Its other fields.


def extend(
    authorization_id: str = "unknown", hold_for: timedelta = timedelta(days=2)
) -> pb.ExtendAuthorizationRequest:
    """Return a request to hold longer."""
    duration = Duration()
    duration.FromTimedelta(hold_for)
    return pb.ExtendAuthorizationRequest(
        request_id=new_id(), authorization_id=authorization_id, hold_for=duration
    )


def preview_of(reverse: gift_card_service_pb2.ReverseRequest) -> pb.PreviewReverseRequest:
    """Return the question what a Reverse would answer."""
    fields = {field.name: value for field, value in reverse.ListFields()}
    del fields["request_id"]
    return pb.PreviewReverseRequest(**fields)
