"""What a request means, as bytes that its record digests, beside the command that it became.

Two requests with one id are the same request where these bytes are equal: ids in any case, a code
however it was typed, and without `attempt_key`, which says who asks and not what for. The form is
our own, JSON of our own making, and golden vectors hold it: no library may change what a record of
ten years ago is compared with. What was absent in the message is absent here, so that a field that
is added to the contract changes no request without it.

A further request type takes one row in `MEANINGS`, and golden vectors in
`tests/server/edge/test_canonical_form.py`. A field that is added to a command takes one entry in
its function, which a test demands. Nothing here is ever renamed or removed: then it is a form of
another name.

`former` makes the form of records without a name, the protobuf message as it was sent. No record is
made with it any more, so it is made for a replay of one of those records alone.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from giftcard_rules import codes
from giftcard_rules.act_commands import (
    ActOnCard,
    ApproveProposal,
    CancelPurchase,
    OtherAct,
    RejectProposal,
    ResendCard,
)
from giftcard_rules.acts import actor_key
from giftcard_rules.authorization_calls import ExtendAuthorization
from giftcard_rules.commands import (
    Authorize,
    Cancel,
    Capture,
    Issue,
    Keyed,
    Reverse,
    UnblockCard,
)
from giftcard_rules.person_acts import ActOnPeople, RectifyPerson
from giftcard_rules.refund_commands import ConfirmRefund

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date, timedelta

    from google.protobuf.message import Message

    from giftcard_rules.acts import ActedBy
    from giftcard_rules.commands import Contact, Order, Purchase
    from giftcard_server.edge.fields import Fields

Meaning = dict[str, object]
Command_co = TypeVar("Command_co", bound=Keyed, covariant=True)
Command = TypeVar("Command", bound=Keyed)

# Made once, as making an encoder takes as long as encoding. Every character beyond ASCII is
# escaped, and names are sorted, so that a meaning has one spelling.
_JSON: Final = json.JSONEncoder(
    ensure_ascii=True, check_circular=False, sort_keys=True, separators=(",", ":")
)


@dataclass(frozen=True, slots=True)
class Read(Generic[Command_co]):
    """A request as it was read: its command, and what it means, which holds secrets.

    `canonical` is what it means; `former` returns the same request in the former form.
    `mistakes_today` pairs fields with what is wrong with them on this day, or under these terms:
    the request is malformed for them, unless a record answers it.
    """

    command: Command_co
    canonical: bytes = field(repr=False)
    former: Callable[[], bytes] = field(repr=False)
    mistakes_today: tuple[tuple[str, str], ...] = ()


def read(command: Command, message: Message, fields: Fields) -> Read[Command]:
    """Return a message as it was read: `fields` has found no violation in it.

    The message belongs to the caller and is left as it is.
    """
    meaning = canonical(command, message, fields.code)
    in_former_form = partial(former, message, fields.request_ids)
    return Read(command, meaning, in_former_form, tuple(fields.mistakes_today))


def canonical(command: Keyed, message: Message, code: codes.Code | None = None) -> bytes:
    """Return what a request means; `code` is the one that it holds, if it holds one."""
    meaning = MEANINGS[type(command)](command) | {"request_id": command.key.request_id}
    typed: str | None = getattr(message, "code", None)
    if typed is not None:
        # No text that was mistyped equals the characters of a code.
        meaning["code"] = code.characters if code else typed
    if _has_unknown_fields(message):
        # Of a newer contract. Nobody here knows what they mean, so nothing is overlooked.
        meaning["as_sent"] = message.SerializeToString(deterministic=True).hex()
    return _JSON.encode(_present(meaning)).encode()


def former(message: Message, request_ids: Mapping[str, str]) -> bytes:
    """Return the bytes of a message with its request ids as they were read, in lower case."""
    if any(getattr(message, name) != value for name, value in request_ids.items()):
        message = deepcopy(message)
        for name, value in request_ids.items():
            setattr(message, name, value)
    return message.SerializeToString(deterministic=True)


def _has_unknown_fields(message: Message) -> bool:
    known = type(message)()
    known.CopyFrom(message)
    known.DiscardUnknownFields()
    return known.ByteSize() != message.ByteSize()


def _issue(command: Issue) -> Meaning:
    return {
        "market": command.market,
        "amount": command.amount,
        "purchase": _purchase(command.purchase),
        "design": command.design,
        "message": command.message,
        "purchaser": _contact(command.purchaser),
        "recipient": command.recipient and _contact(command.recipient),
        "deliver_on": _day(command.deliver_on),
    }


def _authorize(command: Authorize) -> Meaning:
    return {
        "market": command.market,
        "order": _order(command.order),
        "customer": _contact(command.customer),
        "hold_for": _microseconds(command.hold_for),
    }


def _capture(command: Capture) -> Meaning:
    return {
        "authorization_id": command.authorization_id,
        "amount": command.amount,
        "other_tender_amount": command.other_tender_amount,
    }


def _reverse(command: Reverse) -> Meaning:
    return {
        "authorization_id": command.authorization_id,
        "authorize_request_id": command.authorize_request_id,
        "reason": command.reason.value,
        "refund_amount": command.refund_amount,
        "delivered_on": _day(command.delivered_on),
        "before_delivery": command.before_delivery,
        "exercised_on": _day(command.exercised_on),
        "beneficiary": command.beneficiary and _contact(command.beneficiary),
    }


def _cancel(command: Cancel) -> Meaning:
    return {
        "purchase_order_id": command.purchase_order_id,
        "exercised_on": _day(command.exercised_on),
        # Without a ground, which this request has not.
        "actor": command.by and actor_key(command.by.actor),
        "note": command.by and command.by.note,
    }


def _extend(command: ExtendAuthorization) -> Meaning:
    return {
        "authorization_id": command.authorization_id,
        "hold_for": _microseconds(command.hold_for),
    }


def _confirm(command: ConfirmRefund) -> Meaning:
    return {
        "card_id": command.card_id,
        "authorization_id": command.authorization_id,
        "amount": command.amount,
        "provider_reference": command.provider_reference,
    }


def _act(command: ActOnCard) -> Meaning:
    """Return what shall be done to which card; the act's own name is digested as the method."""
    act = command.act
    return {
        "card_id": act.card_id,
        "restore_validity": isinstance(act, UnblockCard) and act.restore_validity,
        "corrected_email": act.corrected_email if isinstance(act, ResendCard) else None,
        # Of an act that is carried out elsewhere, nothing else is known here.
        "request": command.request.hex() if isinstance(act, OtherAct) else None,
        **_acted_by(command.by),
    }


def _cancel_purchase(command: CancelPurchase) -> Meaning:
    return {
        "market": command.market,
        "purchase_order_id": command.purchase_order_id,
        "purchaser_email": command.purchaser_email,
        "exercised_on": _day(command.exercised_on),
        **_acted_by(command.by),
    }


def _proposal(command: ApproveProposal | RejectProposal) -> Meaning:
    return {"proposal_id": command.proposal_id, **_acted_by(command.by)}


def _act_on_people(command: ActOnPeople) -> Meaning:
    """Return what shall be done to whom; the act's own name is digested as the method."""
    act = command.act
    subject = act.subject
    return {
        "email": subject.email,
        "card_id": subject.card_id,
        "role": subject.role and subject.role.value,
        "authorization_id": subject.authorization_id,
        "contact": _contact(act.contact) if isinstance(act, RectifyPerson) else None,
        **_acted_by(command.by),
    }


def _acted_by(by: ActedBy) -> Meaning:
    return {"actor": actor_key(by.actor), "ground": by.ground.value, "note": by.note}


# What each command means, by the names of the contract, beside its request id and its code.
MEANINGS: Final[Mapping[type[Keyed], Callable[[Any], Meaning]]] = {
    Issue: _issue,
    Authorize: _authorize,
    Capture: _capture,
    Reverse: _reverse,
    Cancel: _cancel,
    ExtendAuthorization: _extend,
    ConfirmRefund: _confirm,
    ActOnCard: _act,
    CancelPurchase: _cancel_purchase,
    ApproveProposal: _proposal,
    RejectProposal: _proposal,
    ActOnPeople: _act_on_people,
}


def _present(meaning: Meaning) -> Meaning:
    """Leave out what is absent: None, and texts, lists and flags that are empty.

    An amount is a list of two, and so never absent when it is zero.
    """
    return {name: value for name, value in meaning.items() if value}


def _purchase(purchase: Purchase) -> Meaning:
    return _present(
        {
            "order_id": purchase.order_id,
            "payment_method": purchase.payment_method.value,
            "payment_reference": purchase.payment_reference,
            "discount_codes": purchase.discount_codes,
        }
    )


def _order(order: Order) -> Meaning:
    """Return an order; its lines are pairs of a category and an amount."""
    return _present(
        {
            "order_id": order.order_id,
            "total": order.total,
            "lines": order.lines,
            "discount_codes": order.discount_codes,
        }
    )


def _contact(contact: Contact) -> Meaning:
    return _present({"name": contact.name, "email": contact.email, "locale": contact.locale})


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _microseconds(duration: timedelta | None) -> int | None:
    if duration is None:
        return None
    return (duration.days * 86_400 + duration.seconds) * 1_000_000 + duration.microseconds
