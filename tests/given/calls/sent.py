"""Valid requests, as messages; a test changes the one field that it is about."""

from collections.abc import Iterator
from copy import deepcopy
from uuid import uuid4

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.type.date_pb2 import Date

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard.v1 import refund_service_pb2 as refund_pb
from giftcard.v1.order_pb2 import Contact, Money, Order, OrderLine

RPCS = ("Issue", "Validate", "Authorize", "Capture", "Reverse", "Cancel")
ABSENT = object()  # As a value for `changed`: the field is missing.

BUYER = Contact(name="Amélie Acheteuse", email="amelie@example.com", locale="fr-FR")
FRIEND = Contact(name="Bruno Bénéficiaire", email="bruno@example.com", locale="fr-BE")
SHOPPER = Contact(name="Chloé Cliente", email="chloe@example.com", locale="fr-FR")
WISHES = "Joyeux anniversaire, mon grand !"
# Well-formed, and of no card: it would take a guess among 2**75.
UNKNOWN_CODE = "0000-0000-0000-0000"


def new_id() -> str:
    """Return an id that was never used before."""
    return str(uuid4())


def euros(amount_minor: int) -> Money:
    """Return an amount in the currency of most tests."""
    return Money(amount_minor=amount_minor, currency_code="EUR")


def order(*amounts_minor: int, category: str = "smartphone", currency: str = "EUR") -> Order:
    """Return an order with an id of its own, and with a line for each amount."""
    return Order(
        order_id=f"order-{new_id()}",
        total=Money(amount_minor=sum(amounts_minor), currency_code=currency),
        lines=[
            OrderLine(category=category, amount=Money(amount_minor=each, currency_code=currency))
            for each in amounts_minor
        ],
    )


def issue(amount_minor: int = 50_00) -> pb.IssueRequest:
    """Return the purchase of a card as a present."""
    return pb.IssueRequest(
        request_id=new_id(),
        market="fr",
        amount=euros(amount_minor),
        purchase=pb.Purchase(
            order_id=f"purchase-{new_id()}",
            payment_method=pb.PAYMENT_METHOD_BANK_CARD,
            payment_reference=f"payment-{new_id()}",
        ),
        design="birthday",
        message=WISHES,
        purchaser=BUYER,
        recipient=FRIEND,
    )


def validate(code: str = UNKNOWN_CODE, wanted: Order | None = None) -> pb.ValidateRequest:
    """Return a question about a card, by a shopper of its own."""
    return pb.ValidateRequest(
        code=code, market="fr", order=wanted or order(50_00), attempt_key=new_id()
    )


def authorize(code: str = UNKNOWN_CODE, wanted: Order | None = None) -> pb.AuthorizeRequest:
    """Return a request to set money aside, for a shopper of its own."""
    return pb.AuthorizeRequest(
        request_id=new_id(),
        code=code,
        market="fr",
        order=wanted or order(50_00),
        customer=SHOPPER,
        attempt_key=new_id(),
    )


def capture(
    authorization_id: str = "unknown", amount_minor: int | None = None
) -> pb.CaptureRequest:
    """Return a request to take what was set aside, all of it unless an amount is given."""
    amount = None if amount_minor is None else euros(amount_minor)
    return pb.CaptureRequest(request_id=new_id(), authorization_id=authorization_id, amount=amount)


def reverse(
    authorization_id: str = "unknown", amount_minor: int | None = None
) -> pb.ReverseRequest:
    """Return a request to undo an authorization, because the goods are defective."""
    amount = None if amount_minor is None else euros(amount_minor)
    return pb.ReverseRequest(
        request_id=new_id(),
        authorization_id=authorization_id,
        reason=pb.REVERSE_REASON_DEFECTIVE,
        refund_amount=amount,
    )


def reverse_request(authorize_request_id: str) -> pb.ReverseRequest:
    """Return a request to undo an Authorize whose answer was lost (R36)."""
    return pb.ReverseRequest(
        request_id=new_id(),
        authorize_request_id=authorize_request_id,
        reason=pb.REVERSE_REASON_TECHNICAL,
    )


def cancel(code: str = UNKNOWN_CODE, purchase_order_id: str = "unknown") -> pb.CancelRequest:
    """Return a request to cancel the purchase of a card."""
    return pb.CancelRequest(request_id=new_id(), code=code, purchase_order_id=purchase_order_id)


def confirm_refund(amount_minor: int, **target: str) -> refund_pb.ConfirmRefundRequest:
    """Return a request to confirm a refund, of `card_id` or `authorization_id`."""
    return refund_pb.ConfirmRefundRequest(
        request_id=new_id(),
        amount=euros(amount_minor),
        provider_reference=f"refund-{new_id()}",
        **target,
    )


def whole(rpc: str) -> Message:
    """Return a valid request of an RPC with every field of the contract in it."""
    wanted = order(30_00, 20_00)
    match rpc:
        case "Issue":
            return issue()
        case "Validate":
            return validate(wanted=wanted)
        case "Authorize":
            request = authorize(wanted=wanted)
            request.hold_for.seconds = 3600
            return request
        case "Capture":
            return capture(amount_minor=50_00)
        case "Reverse":
            back = reverse(amount_minor=50_00)
            back.delivered_on.CopyFrom(Date(year=2026, month=9, day=1))
            back.beneficiary.CopyFrom(FRIEND)
            return back
        case _:
            return cancel()


def changed(request: Message, path: str, value: object) -> Message:
    """Return a request with another value at a path such as `order.lines[0].amount`."""
    copy = deepcopy(request)
    *parents, name = path.replace("[", ".[").split(".")
    target = copy
    for parent in parents:
        target = target[int(parent[1:-1])] if parent[0] == "[" else getattr(target, parent)  # type: ignore[index] # A repeated field.
    if name[0] == "[":
        target[int(name[1:-1])] = value  # type: ignore[index] # Likewise.
    elif value is ABSENT:
        target.ClearField(name)
    elif isinstance(value, Message):
        getattr(target, name).CopyFrom(value)
    elif isinstance(value, list):
        del getattr(target, name)[:]
        getattr(target, name).extend(value)
    else:
        setattr(target, name, value)
    return copy


def paths(request: Message, kind: int, prefix: str = "") -> Iterator[tuple[str, FieldDescriptor]]:
    """Yield the path of each present field of a kind (`FieldDescriptor.TYPE_STRING`)."""
    for field, value in request.ListFields():
        path = f"{prefix}{field.name}"
        if field.is_repeated and field.message_type:
            for number, each in enumerate(value):
                yield from paths(each, kind, f"{path}[{number}].")
        elif field.type == kind:
            yield path, field
        elif field.message_type:
            yield from paths(value, kind, f"{path}.")
