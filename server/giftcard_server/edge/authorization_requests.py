"""Requests about authorizations as what the rules and the reader understand."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_rules.authorization_calls import (
    ExtendAuthorization,
    GetAuthorization,
    PreviewReverse,
)
from giftcard_rules.commands import RequestKey
from giftcard_server.edge.canonical import Read, read
from giftcard_server.edge.fields import Fields
from giftcard_server.edge.page_tokens import page_size, place_of
from giftcard_server.errors import InvalidRequestError
from giftcard_storage.order_pages import OrderPage

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard.v1 import authorization_service_pb2 as authorization_pb
    from giftcard_rules.current import Markets
    from giftcard_server.callers.callers import Caller
    from giftcard_server.edge.requests import RequestReader

# A Reverse that is previewed has no request id, and needs a sound one to be read as any other.
_OF_NO_REQUEST: Final = "9d4b5c1e-0f3a-4c53-8a86-3d1f7c0b2e69"


def get(message: authorization_pb.GetAuthorizationRequest, caller: Caller) -> GetAuthorization:
    """Read a GetAuthorizationRequest. Raises `InvalidRequestError`."""
    fields, query = Fields(), GetAuthorization()
    match message.WhichOneof("target"):
        case "authorization_id":
            authorization_id = fields.own_id(message.authorization_id, "authorization_id")
            query = GetAuthorization(authorization_id=authorization_id)
        case "authorize_request_id":
            request_id = fields.request_id(message.authorize_request_id, "authorize_request_id")
            names = (caller.name, *caller.formerly)
            query = GetAuthorization(
                authorize=tuple(RequestKey(name, request_id) for name in names)
            )
        case _:
            fields.wrong("target", "authorization_id or authorize_request_id is required")
    fields.require_valid()
    return query


def order_page(message: authorization_pb.ListAuthorizationsRequest, markets: Markets) -> OrderPage:
    """Read a ListAuthorizationsRequest. Raises `InvalidRequestError`."""
    fields = Fields()
    market = fields.market(message.market)
    if market and market not in markets:
        fields.wrong("market", "is not a market of this service")
    order_id = fields.text(message.order_id, "order_id")
    size = page_size(fields, message.page_size)
    after = place_of(fields, message.page_token, query_of(message))
    fields.require_valid()
    return OrderPage(market, order_id, after, size)


def query_of(message: authorization_pb.ListAuthorizationsRequest) -> tuple[str, ...]:
    """Return what stays the same from one page to the next."""
    return ("ListAuthorizations", message.market, message.order_id)


def extend(
    message: authorization_pb.ExtendAuthorizationRequest, caller: str
) -> Read[ExtendAuthorization]:
    """Read an ExtendAuthorizationRequest. Raises `InvalidRequestError`."""
    fields = Fields()
    request_id = fields.request_id(message.request_id)
    authorization_id = fields.own_id(message.authorization_id, "authorization_id")
    hold_for = timedelta(0)
    if message.HasField("hold_for"):
        hold_for = fields.hold_for(message.hold_for, "hold_for")
    else:
        fields.wrong("hold_for", "is required")
    fields.require_valid()
    command = ExtendAuthorization(
        key=RequestKey(caller, request_id), authorization_id=authorization_id, hold_for=hold_for
    )
    return read(command, message, fields)


def preview(
    reader: RequestReader,
    message: authorization_pb.PreviewReverseRequest,
    caller: Caller,
    now: datetime,
) -> PreviewReverse:
    """Read a PreviewReverseRequest as the ReverseRequest that it previews."""
    reverse = pb.ReverseRequest(request_id=_OF_NO_REQUEST)
    for field, value in message.ListFields():
        if field.message_type:
            getattr(reverse, field.name).CopyFrom(value)
        else:
            setattr(reverse, field.name, value)
    command, fields = reader.reversal(reverse, caller.name, now, caller.formerly)
    if fields.mistakes_today:
        raise InvalidRequestError(tuple(fields.mistakes_today))
    return PreviewReverse(command)
