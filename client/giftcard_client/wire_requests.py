"""Convert plain values into messages of the contract."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.type.date_pb2 import Date

from giftcard.v1 import authorization_service_pb2, gift_card_service_pb2, order_pb2
from giftcard_client.errors import InvalidRequest, Violation
from giftcard_client.values import Contact, Money, Order, Purchase

Request = TypeVar("Request", bound=Message)
Targeted = TypeVar(
    "Targeted",
    gift_card_service_pb2.ReverseRequest,
    authorization_service_pb2.GetAuthorizationRequest,
    authorization_service_pb2.PreviewReverseRequest,
)


def expressed(request_id: str, build: Callable[[], Request]) -> Request:
    """Build a request; raises InvalidRequest for values that no message can carry.

    Protobuf's exception contains the offending text, which may be a code or a
    name. So it is dropped here, and is not even the context of InvalidRequest.
    """
    with suppress(ValueError):
        return build()
    described = (
        "an amount beyond 64 bits, a time span beyond 10,000 years, "
        "text that is not Unicode, or a word that the contract lacks"
    )
    raise InvalidRequest([Violation("request", described)], request_id)


def given_or_new(request_id: str | UUID | None) -> str:
    """Return the request id as text, a new one where there is none."""
    # Only None asks for a new id. An empty text is a caller's mistake, and with a
    # new id in its place the second try would be a second request.
    return str(uuid4() if request_id is None else request_id)


def money_message(amount: Money | None) -> order_pb2.Money | None:
    """Return an amount as a message."""
    return (
        None
        if amount is None
        else order_pb2.Money(amount_minor=amount.amount_minor, currency_code=amount.currency_code)
    )


def order_message(order: Order) -> order_pb2.Order:
    """Return an order as a message."""
    return order_pb2.Order(
        order_id=order.order_id,
        total=money_message(order.total),
        lines=[
            order_pb2.OrderLine(category=line.category, amount=money_message(line.amount))
            for line in order.lines
        ],
        discount_codes=order.discount_codes,
    )


def contact_message(contact: Contact) -> order_pb2.Contact:
    """Return a person as a message."""
    return order_pb2.Contact(name=contact.name, email=contact.email, locale=contact.locale)


def purchase_message(purchase: Purchase) -> gift_card_service_pb2.Purchase:
    """Return a purchase as a message."""
    return gift_card_service_pb2.Purchase(
        order_id=purchase.order_id,
        payment_method=gift_card_service_pb2.PaymentMethod.Value(
            f"PAYMENT_METHOD_{purchase.payment_method}"
        ),
        payment_reference=purchase.payment_reference,
        discount_codes=purchase.discount_codes,
    )


def duration_message(span: timedelta) -> Duration:
    """Return a time span as a message."""
    message = Duration()
    message.FromTimedelta(span)
    return message


def date_message(day: date | None) -> Date | None:
    """Return a calendar day as a message; the market's time zone applies."""
    return None if day is None else Date(year=day.year, month=day.month, day=day.day)


def name_target(
    request: Targeted,
    authorization_id: str | None,
    authorize_request_id: str | UUID | None,
) -> Targeted:
    """Set the authorization that a request names; raises TypeError unless one name is given."""
    match authorization_id, authorize_request_id:
        case str(), None:
            request.authorization_id = authorization_id
        case None, str() | UUID():
            request.authorize_request_id = str(authorize_request_id)
        case _:
            named_how = "name either authorization_id or authorize_request_id"
            raise TypeError(named_how)
    return request
