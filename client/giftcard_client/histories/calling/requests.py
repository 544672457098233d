"""Valid requests of invented shoppers, in the built-in market of every service."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from google.protobuf.message import Message
from google.type.date_pb2 import Date

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1.order_pb2 import Contact, Money, Order, OrderLine

MARKET = "fr"
CURRENCY = "EUR"
SHOPPER = Contact(name="Ada Shopper", email="shopper@example.com")


def new_id() -> str:
    """Return a new id."""
    return str(uuid4())


def euros(amount_minor: int) -> Money:
    """Return an amount in the currency of the market."""
    return Money(amount_minor=amount_minor, currency_code=CURRENCY)


def order(amount_minor: int, order_id: str = "") -> Order:
    """Return an order of one line, a new one unless it has an id."""
    return Order(
        order_id=order_id or f"order-{new_id()}",
        total=euros(amount_minor),
        lines=[OrderLine(category="book", amount=euros(amount_minor))],
    )


def issue(amount_minor: int, purchase_order: str = "") -> pb.IssueRequest:
    """Return the purchase of a card."""
    return pb.IssueRequest(
        request_id=new_id(),
        market=MARKET,
        amount=euros(amount_minor),
        purchase=pb.Purchase(
            order_id=purchase_order or f"purchase-{new_id()}",
            payment_method=pb.PAYMENT_METHOD_BANK_CARD,
            payment_reference=f"payment-{new_id()}",
        ),
        purchaser=SHOPPER,
    )


def validate(code: str, wanted: Order) -> pb.ValidateRequest:
    """Return the question what a card pays of an order."""
    return pb.ValidateRequest(code=code, market=MARKET, order=wanted, attempt_key=new_id())


def authorize(code: str, wanted: Order, hold_for: timedelta | None = None) -> pb.AuthorizeRequest:
    """Return the wish to set money aside for an order."""
    request = pb.AuthorizeRequest(
        request_id=new_id(),
        code=code,
        market=MARKET,
        order=wanted,
        customer=SHOPPER,
        attempt_key=new_id(),
    )
    if hold_for is not None:
        request.hold_for.FromTimedelta(hold_for)
    return request


def capture(authorization_id: str, amount_minor: int | None = None) -> pb.CaptureRequest:
    """Return the wish to take what was set aside, or a part of it."""
    return pb.CaptureRequest(
        request_id=new_id(),
        authorization_id=authorization_id,
        amount=None if amount_minor is None else euros(amount_minor),
    )


def reverse(
    authorization_id: str = "", amount_minor: int | None = None, *, authorize_request: str = ""
) -> pb.ReverseRequest:
    """Return the wish to undo an authorization, named by its id or by its request."""
    request = pb.ReverseRequest(
        request_id=new_id(),
        reason=pb.REVERSE_REASON_ORDER_CANCELLED,
        refund_amount=None if amount_minor is None else euros(amount_minor),
    )
    if authorize_request:
        request.authorize_request_id = authorize_request
    else:
        request.authorization_id = authorization_id
    return request


def change_of_mind(authorization_id: str) -> pb.ReverseRequest:
    """Return the wish to give back an order that came yesterday."""
    request = reverse(authorization_id)
    day = datetime.now(tz=UTC).date() - timedelta(days=1)
    request.reason = pb.REVERSE_REASON_CHANGE_OF_MIND
    request.delivered_on.CopyFrom(Date(year=day.year, month=day.month, day=day.day))
    return request


def cancel(code: str, purchase_order: str) -> pb.CancelRequest:
    """Return the wish to cancel the purchase of a card."""
    return pb.CancelRequest(request_id=new_id(), code=code, purchase_order_id=purchase_order)


def spelt_otherwise(request: Message) -> Message:
    """Return the same request with its id in the other case, which makes no difference."""
    copy = type(request)()
    copy.CopyFrom(request)
    if hasattr(copy, "request_id"):
        copy.request_id = copy.request_id.upper()
    return copy
