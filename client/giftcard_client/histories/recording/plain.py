"""Requests and answers as plain values: ids, amounts and instants, no code and no person.

Amounts are minor units, instants are nanoseconds since 1970. A message that mixes currencies has
all of them in `currency`, so that it equals no sound one. Codes are replaced by `hide`.
"""

from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

from giftcard.v1 import gift_card_pb2, order_pb2, reason_pb2
from giftcard.v1 import gift_card_service_pb2 as pb

Plain = dict[str, Any]
Hide = Callable[[str], str]

# R11: letters that look like digits are read as digits; dashes and spaces are ignored.
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def typed_code(code: str) -> str:
    """Return a code as it is read, however it was typed (R11)."""
    return "".join(code.upper().split()).translate(_READ_AS)


def method_of(request: Message) -> str:
    """Return the RPC that takes a request."""
    return type(request).__name__.removesuffix("Request")


def canonical(request: Message) -> bytes:
    """Return bytes that are equal for the same request, however ids and codes are spelt.

    `attempt_key` only says whom to throttle.
    """
    copy: Any = type(request)()
    copy.CopyFrom(request)
    fields = copy.DESCRIPTOR.fields_by_name
    for name in ("request_id", "authorize_request_id"):
        if name in fields and getattr(copy, name):
            setattr(copy, name, getattr(copy, name).lower())
    if "code" in fields:
        copy.code = typed_code(copy.code)
    if "attempt_key" in fields:
        copy.ClearField("attempt_key")
    serialized: bytes = copy.SerializeToString(deterministic=True)
    return serialized


def request_facts(request: Message, hide: Hide) -> Plain:
    """Return what a request asks for, as far as the rules look at it."""
    match request:
        case pb.IssueRequest():
            return {
                "market": request.market,
                "amount": request.amount.amount_minor,
                "currency": request.amount.currency_code,
                "purchase_order": request.purchase.order_id,
                "payment": request.purchase.payment_reference,
                "payment_method": _word(pb.PaymentMethod, request.purchase.payment_method),
                "discounted": bool(request.purchase.discount_codes),
            }
        case pb.ValidateRequest() | pb.AuthorizeRequest():
            facts: Plain = {"code": hide(request.code), "market": request.market}
            if isinstance(request, pb.AuthorizeRequest) and request.HasField("hold_for"):
                facts["hold_for"] = request.hold_for.ToNanoseconds()
            return facts | _order(request.order)
        case pb.CaptureRequest():
            facts = {"authorization": request.authorization_id}
            if request.HasField("other_tender_amount"):
                facts["other_tender"] = request.other_tender_amount.amount_minor
                facts["other_currency"] = request.other_tender_amount.currency_code
            return facts | _amount(request.amount, present=request.HasField("amount"))
        case pb.ReverseRequest():
            facts = {"reason": _word(pb.ReverseReason, request.reason)}
            if request.WhichOneof("target") == "authorization_id":
                facts["authorization"] = request.authorization_id
            else:
                facts["authorize_request"] = request.authorize_request_id.lower()
            if request.before_delivery:
                facts["before_delivery"] = True
            facts |= _day(request, "delivered_on") | _day(request, "exercised_on")
            return facts | _amount(request.refund_amount, present=request.HasField("refund_amount"))
        case pb.CancelRequest():
            named = {"code": hide(request.code), "purchase_order": request.purchase_order_id}
            return named | _day(request, "exercised_on")
        case _:
            message = f"{type(request).__name__} is no request of the service"
            raise TypeError(message)


def answer_facts(response: Message, hide: Hide) -> Plain:
    """Return what was granted, as far as the rules say what it must be."""
    match response:
        case pb.IssueResponse():
            return {"card": _card(response.card), "code": hide(response.code)}
        case pb.ValidateResponse():
            return _validated(response)
        case pb.AuthorizeResponse():
            return {"authorization": _authorization(response.authorization)}
        case pb.CaptureResponse():
            return {"authorization": _authorization(response.authorization)} | _replacement(
                response, hide
            )
        case pb.ReverseResponse():
            facts: Plain = {"outcome": _word(pb.ReverseOutcome, response.outcome)}
            if response.HasField("authorization"):
                facts["authorization"] = _authorization(response.authorization)
                facts["to_card"] = response.gift_card_amount.amount_minor
                facts["to_other"] = response.other_tender_amount.amount_minor
            return facts | _replacement(response, hide)
        case pb.CancelResponse():
            refund = response.refund
            return {
                "card": _card(response.card),
                "refund": refund.amount.amount_minor,
                "refund_currency": refund.amount.currency_code,
                "payment_method": _word(pb.PaymentMethod, refund.payment_method),
            }
        case _:
            message = f"{type(response).__name__} is no response of the service"
            raise TypeError(message)


def _word(kind: Any, number: int) -> str:  # noqa: ANN401 - the wrappers of enums have a type each
    # Such as REVERSE_REASON_: what comes before UNSPECIFIED.
    prefix: str = kind.Name(0).removesuffix("UNSPECIFIED")
    known = kind.DESCRIPTOR.values_by_number.get(number)
    return str(number) if known is None else str(known.name).removeprefix(prefix)


def _currency(*amounts: order_pb2.Money) -> str:
    return ",".join(sorted({amount.currency_code for amount in amounts}))


def _amount(amount: order_pb2.Money, *, present: bool) -> Plain:
    if not present:
        return {}
    return {"amount": amount.amount_minor, "currency": amount.currency_code}


def _day(request: pb.ReverseRequest | pb.CancelRequest, name: str) -> Plain:
    day = getattr(request, name, None)
    if day is None or not day.year:
        return {}
    return {name: f"{day.year:04}-{day.month:02}-{day.day:02}"}


def _order(order: order_pb2.Order) -> Plain:
    return {
        "order": order.order_id,
        "total": order.total.amount_minor,
        "currency": _currency(order.total, *(line.amount for line in order.lines)),
        "lines": [[line.category, line.amount.amount_minor] for line in order.lines],
        "discounted": bool(order.discount_codes),
    }


def _card(card: gift_card_pb2.GiftCard) -> Plain:
    return {
        "id": card.card_id,
        "market": card.market,
        "state": _word(gift_card_pb2.CardState, card.state),
        "origin": _word(gift_card_pb2.CardOrigin, card.origin),
        "initial": card.initial_amount.amount_minor,
        "balance": card.balance.amount_minor,
        "currency": _currency(card.initial_amount, card.balance),
        "issued": card.issue_time.ToNanoseconds(),
        "expires": card.expire_time.ToNanoseconds(),
        "replaces": card.replaces_card_id,
    }


def _authorization(found: gift_card_pb2.Authorization) -> Plain:
    amounts = {
        "total": found.order_total,
        "authorized": found.authorized_amount,
        "captured": found.captured_amount,
        "refunded": found.refunded_amount,
        "due": found.remaining_due,
        "forfeited": found.forfeited_amount,
    }
    return {name: amount.amount_minor for name, amount in amounts.items()} | {
        "id": found.authorization_id,
        "card": found.card_id,
        "market": found.market,
        "order": found.order_id,
        "state": _word(gift_card_pb2.AuthorizationState, found.state),
        "currency": _currency(*amounts.values()),
        "created": found.create_time.ToNanoseconds(),
        "expires": found.expire_time.ToNanoseconds(),
    }


def _replacement(response: pb.CaptureResponse | pb.ReverseResponse, hide: Hide) -> Plain:
    if not response.HasField("replacement"):
        return {"replacement": None}
    return {
        "replacement": _card(response.replacement.card),
        "code": hide(response.replacement.code),
    }


def _validated(response: pb.ValidateResponse) -> Plain:
    reason = "" if response.usable else _word(reason_pb2.Reason, response.reason)
    facts: Plain = {"usable": response.usable, "reason": reason}
    if response.HasField("card"):
        facts["card"] = _card(response.card)
    if response.usable:
        facts["pays"] = response.applicable_amount.amount_minor
        facts["due"] = response.remaining_due.amount_minor
        facts["lost"] = response.forfeited_amount.amount_minor
    return facts
