"""What the service shows of authorizations, as plain values."""

from dataclasses import dataclass
from datetime import datetime

from giftcard.v1 import authorization_service_pb2, gift_card_service_pb2, reason_pb2
from giftcard_client.results import Authorization, GiftCard
from giftcard_client.values import Money
from giftcard_client.vocabulary import Reason, ReverseOutcome
from giftcard_client.wire_answers import (
    read_authorization,
    read_card,
    read_money,
    read_time,
    read_word,
)


@dataclass(frozen=True, slots=True)
class ShownAuthorization:
    """An authorization as it is now, and the cards that came out of it, without codes."""

    authorization: Authorization
    # Of refunds (R23) and of a capture of less than was set aside (R27), oldest first.
    replacements: tuple[GiftCard, ...]


@dataclass(frozen=True, slots=True)
class ShownAuthorizations:
    """All authorizations of an order, closed ones too, oldest first."""

    authorizations: tuple[Authorization, ...]


@dataclass(frozen=True, slots=True)
class Extended:
    """Money stays set aside until the authorization's `expire_time`."""

    authorization: Authorization
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class ReversePreview:
    """The answer that Reverse would give now.

    `reason` says why Reverse would decline; then everything else is None. The amounts are
    None as well where the outcome is PREVENTED (R36).
    """

    outcome: ReverseOutcome | None
    reason: Reason | None
    # What would come back on a new card, besides `restored_amount`.
    gift_card_amount: Money | None
    # What the caller would have to refund to the other tender (R24).
    other_tender_amount: Money | None
    # What the capture had lost and would come back on the new card (R39).
    restored_amount: Money | None
    # Of a change of mind after delivery: the first instant that is too late (R21).
    deadline: datetime | None


def read_shown(message: authorization_service_pb2.GetAuthorizationResponse) -> ShownAuthorization:
    """Read the answer to GetAuthorization."""
    return ShownAuthorization(
        authorization=read_authorization(message.authorization),
        replacements=tuple(map(read_card, message.replacements)),
    )


def read_extended(
    message: authorization_service_pb2.ExtendAuthorizationResponse, *, replayed: bool
) -> Extended:
    """Read the answer to ExtendAuthorization."""
    return Extended(authorization=read_authorization(message.authorization), replayed=replayed)


def read_preview(message: authorization_service_pb2.PreviewReverseResponse) -> ReversePreview:
    """Read the answer to PreviewReverse."""
    would_decline = message.reason != reason_pb2.REASON_UNSPECIFIED
    has_amounts = message.HasField("gift_card_amount")
    return ReversePreview(
        outcome=None
        if would_decline
        else read_word(
            ReverseOutcome, message.outcome, gift_card_service_pb2.ReverseOutcome.DESCRIPTOR
        ),
        reason=read_word(Reason, message.reason, reason_pb2.Reason.DESCRIPTOR)
        if would_decline
        else None,
        gift_card_amount=read_money(message.gift_card_amount) if has_amounts else None,
        other_tender_amount=read_money(message.other_tender_amount) if has_amounts else None,
        restored_amount=read_money(message.restored_amount) if has_amounts else None,
        deadline=read_time(message.deadline) if message.HasField("deadline") else None,
    )
