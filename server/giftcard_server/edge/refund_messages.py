"""Requests about refunds as commands and queries, and refunds that are due as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from google.protobuf.timestamp_pb2 import Timestamp

from giftcard.v1 import gift_card_service_pb2
from giftcard.v1 import refund_service_pb2 as pb
from giftcard.v1.order_pb2 import Money
from giftcard_rules.commands import PaymentMethod, RequestKey
from giftcard_rules.refund_commands import ConfirmRefund, RefundConfirmed
from giftcard_server.edge.canonical import Read, read
from giftcard_server.edge.fields import Fields
from giftcard_server.edge.page_tokens import page_size, page_token, place_of
from giftcard_storage.order_pages import Place
from giftcard_storage.refunds import Position, RefundOwed, RefundsQuery

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from giftcard_rules.current import Markets
    from giftcard_rules.refund_commands import RefundDue

# What payment providers give their refunds may be longer than our own references.
PROVIDER_REFERENCE_CHARACTERS: Final = 255
_PAYMENT_METHOD: Final = {
    method: gift_card_service_pb2.PaymentMethod.Value(f"PAYMENT_METHOD_{method.value}")
    for method in PaymentMethod
}


def confirmation(message: pb.ConfirmRefundRequest, caller: str) -> Read[ConfirmRefund]:
    """Read a ConfirmRefundRequest. Raises `InvalidRequestError`."""
    fields = Fields()
    request_id = fields.request_id(message.request_id)
    card_id = authorization_id = None
    match message.WhichOneof("target"):
        case "card_id":
            card_id = fields.own_id(message.card_id, "card_id")
        case "authorization_id":
            authorization_id = fields.own_id(message.authorization_id, "authorization_id")
        case _:
            fields.wrong("target", "card_id or authorization_id is required")
    amount = fields.money(message.amount, "amount", present=message.HasField("amount"))
    provider_reference = fields.text(
        message.provider_reference, "provider_reference", PROVIDER_REFERENCE_CHARACTERS
    )
    fields.require_valid()
    command = ConfirmRefund(
        key=RequestKey(caller, request_id),
        card_id=card_id,
        authorization_id=authorization_id,
        amount=amount,
        provider_reference=provider_reference,
    )
    return read(command, message, fields)


def query(message: pb.ListRefundsDueRequest, markets: Markets) -> RefundsQuery:
    """Read a ListRefundsDueRequest as one for a page and the refund after it.

    Raises `InvalidRequestError`.
    """
    fields = Fields()
    market = fields.market(message.market)
    if market and market not in markets:
        fields.wrong("market", "is not a market of this service")
    size = page_size(fields, message.page_size)
    place = place_of(fields, message.page_token, _named(message.market))
    fields.require_valid()
    return RefundsQuery(market, place and Position(*place), size + 1)


def page(asked: RefundsQuery, found: Sequence[RefundOwed]) -> pb.ListRefundsDueResponse:
    """Return a page; what was found is one refund more where another page follows."""
    shown, token = found[: asked.limit - 1], ""
    if len(found) > len(shown):
        token = page_token(_named(asked.market), Place(*shown[-1].position))
    return pb.ListRefundsDueResponse(
        refunds_due=[_owed(each) for each in shown], next_page_token=token
    )


def confirmed(outcome: RefundConfirmed) -> pb.ConfirmRefundResponse:
    """Return what is due as it is after a confirmation."""
    due = _refund_due(outcome.refund_due, outcome.payment_method, outcome.payment_reference)
    return pb.ConfirmRefundResponse(refund_due=due)


def _named(market: str) -> tuple[str, ...]:
    """Return what names the query, and stays the same from one page to the next."""
    return ("ListRefundsDue", market)


def _owed(owed: RefundOwed) -> pb.RefundDue:
    if owed.purchase is None:
        return _refund_due(owed.refund_due, None, "")
    purchase = owed.purchase
    return _refund_due(owed.refund_due, purchase.payment_method, purchase.payment_reference)


def _refund_due(
    due: RefundDue, payment_method: PaymentMethod | None, payment_reference: str
) -> pb.RefundDue:
    message = pb.RefundDue(
        market=due.market,
        order_id=due.order_id,
        amount=Money(amount_minor=due.unconfirmed_minor, currency_code=due.currency),
        payment_reference=payment_reference,
        due_time=_timestamp(due.due_at),
        confirm_time=_timestamp(due.confirmed_at) if due.confirmed_at else None,
        provider_reference=due.provider_reference or "",
    )
    if payment_method is not None:
        message.payment_method = _PAYMENT_METHOD[payment_method]
    if due.authorization_id is None:
        message.card_id = due.card_id
    else:
        message.authorization_id = due.authorization_id
    return message


def _timestamp(instant: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(instant)
    return timestamp
