"""Convert messages of the contract into plain values."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

from giftcard.v1 import gift_card_pb2, gift_card_service_pb2, order_pb2, reason_pb2
from giftcard_client.results import (
    Authorization,
    Authorized,
    Cancelled,
    Captured,
    GiftCard,
    Issued,
    PurchaseRefund,
    Replacement,
    Reversed,
    Validation,
)
from giftcard_client.values import Money
from giftcard_client.vocabulary import (
    AuthorizationState,
    CardOrigin,
    CardState,
    PaymentMethod,
    Reason,
    ReverseOutcome,
)

Word = TypeVar("Word", bound=StrEnum)


def read_word(kind: type[Word], number: int, descriptor: EnumDescriptor) -> Word:
    """Return the word for a number; UNRECOGNIZED for an unknown one and for UNSPECIFIED."""
    # Such as `CARD_STATE_`, found before UNSPECIFIED in the name of the number zero.
    prefix = descriptor.values_by_number[0].name.removesuffix("UNSPECIFIED")
    value = descriptor.values_by_number.get(number)
    name = "" if value is None else value.name.removeprefix(prefix)
    return kind[name if name in kind.__members__ else "UNRECOGNIZED"]


def read_money(message: order_pb2.Money) -> Money:
    """Read an amount."""
    return Money(message.amount_minor, message.currency_code)


def read_time(message: Timestamp) -> datetime:
    """Return an aware datetime in UTC."""
    return message.ToDatetime(tzinfo=UTC)


def read_card(message: gift_card_pb2.GiftCard) -> GiftCard:
    """Read a card."""
    return GiftCard(
        card_id=message.card_id,
        market=message.market,
        state=read_word(CardState, message.state, gift_card_pb2.CardState.DESCRIPTOR),
        origin=read_word(CardOrigin, message.origin, gift_card_pb2.CardOrigin.DESCRIPTOR),
        initial_amount=read_money(message.initial_amount),
        balance=read_money(message.balance),
        issue_time=read_time(message.issue_time),
        expire_time=read_time(message.expire_time),
        last4=message.last4,
        replaces_card_id=message.replaces_card_id,
    )


def read_authorization(message: gift_card_pb2.Authorization) -> Authorization:
    """Read an authorization."""
    return Authorization(
        authorization_id=message.authorization_id,
        card_id=message.card_id,
        market=message.market,
        order_id=message.order_id,
        state=read_word(
            AuthorizationState, message.state, gift_card_pb2.AuthorizationState.DESCRIPTOR
        ),
        order_total=read_money(message.order_total),
        authorized_amount=read_money(message.authorized_amount),
        captured_amount=read_money(message.captured_amount),
        refunded_amount=read_money(message.refunded_amount),
        remaining_due=read_money(message.remaining_due),
        forfeited_amount=read_money(message.forfeited_amount),
        create_time=read_time(message.create_time),
        expire_time=read_time(message.expire_time),
        other_tender_amount=read_money(message.other_tender_amount)
        if message.HasField("other_tender_amount")
        else None,
        restored_amount=read_money(message.restored_amount)
        if message.HasField("restored_amount")
        else None,
    )


def read_replacement(message: gift_card_pb2.Replacement) -> Replacement:
    """Read a new card and its code."""
    return Replacement(
        card=read_card(message.card), code=message.code, code_withheld=message.code_withheld
    )


def read_issued(message: gift_card_service_pb2.IssueResponse, *, replayed: bool) -> Issued:
    """Read the answer to Issue."""
    return Issued(
        card=read_card(message.card),
        code=message.code,
        replayed=replayed,
        code_withheld=message.code_withheld,
    )


def read_validation(
    message: gift_card_service_pb2.ValidateResponse, total: Money | None
) -> Validation:
    """Read the answer to Validate for an order of `total`, or without one.

    A refusal may come without amounts, so they are filled in: the card pays nothing,
    and the whole order is due.
    """
    if total is None:
        total = Money(0, message.remaining_due.currency_code)
    nothing = Money(0, total.currency_code)
    reason = read_word(Reason, message.reason, reason_pb2.Reason.DESCRIPTOR)
    if not message.usable:
        card = read_card(message.card) if message.HasField("card") else None
        return Validation(
            usable=False,
            reason=reason,
            card=card,
            applicable_amount=nothing,
            remaining_due=total,
            forfeited_amount=nothing,
            retry_after=message.retry_delay.ToTimedelta()
            if message.HasField("retry_delay")
            else None,
        )
    return Validation(
        usable=True,
        reason=None,
        card=read_card(message.card),
        applicable_amount=read_money(message.applicable_amount),
        remaining_due=read_money(message.remaining_due),
        forfeited_amount=read_money(message.forfeited_amount),
    )


def read_authorized(
    message: gift_card_service_pb2.AuthorizeResponse, *, replayed: bool
) -> Authorized:
    """Read the answer to Authorize."""
    return Authorized(authorization=read_authorization(message.authorization), replayed=replayed)


def read_captured(message: gift_card_service_pb2.CaptureResponse, *, replayed: bool) -> Captured:
    """Read the answer to Capture."""
    return Captured(
        authorization=read_authorization(message.authorization),
        replacement=read_replacement(message.replacement)
        if message.HasField("replacement")
        else None,
        replayed=replayed,
    )


def read_reversed(message: gift_card_service_pb2.ReverseResponse, *, replayed: bool) -> Reversed:
    """Read the answer to Reverse."""
    return Reversed(
        outcome=read_word(
            ReverseOutcome, message.outcome, gift_card_service_pb2.ReverseOutcome.DESCRIPTOR
        ),
        gift_card_amount=read_money(message.gift_card_amount),
        other_tender_amount=read_money(message.other_tender_amount),
        replacement=read_replacement(message.replacement)
        if message.HasField("replacement")
        else None,
        authorization=read_authorization(message.authorization)
        if message.HasField("authorization")
        else None,
        replayed=replayed,
    )


def read_cancelled(message: gift_card_service_pb2.CancelResponse, *, replayed: bool) -> Cancelled:
    """Read the answer to Cancel."""
    refund = message.refund
    return Cancelled(
        card=read_card(message.card),
        refund=PurchaseRefund(
            amount=read_money(refund.amount),
            payment_method=read_word(
                PaymentMethod, refund.payment_method, gift_card_service_pb2.PaymentMethod.DESCRIPTOR
            ),
            payment_reference=refund.payment_reference,
        ),
        replayed=replayed,
    )
