"""Requests as commands: each field of a message is checked, and put in the words of the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_rules import codes
from giftcard_rules.commands import (
    Authorize,
    Cancel,
    Capture,
    Issue,
    Money,
    NewCard,
    Order,
    OrderLine,
    PaymentMethod,
    Purchase,
    RequestKey,
    Reverse,
    ReverseReason,
)
from giftcard_rules.questions import Validate
from giftcard_rules.terms import MESSAGE_MAX_CHARACTERS
from giftcard_server.edge.acting import noted_by
from giftcard_server.edge.canonical import Read, read
from giftcard_server.edge.days import delivery, delivery_day, exercised_on
from giftcard_server.edge.fields import REFERENCE_CHARACTERS, Fields

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard.v1 import order_pb2
    from giftcard_rules.current import Markets

CODE_CHARACTERS: Final = 1024  # Shoppers type and paste anything into the field of the code.
LINES: Final = 500

PAYMENT_METHODS: Final[dict[int, PaymentMethod]] = {
    pb.PaymentMethod.Value(f"PAYMENT_METHOD_{member.value}"): member for member in PaymentMethod
}
REVERSE_REASONS: Final[dict[int, ReverseReason]] = {
    pb.ReverseReason.Value(f"REVERSE_REASON_{member.value}"): member for member in ReverseReason
}


@dataclass(frozen=True, slots=True)
class RequestReader:
    """Turns messages into commands, and changes no message.

    Every method raises `InvalidRequestError` with all violations. `caller` sent the message.
    """

    ring: codes.KeyRing
    markets: Markets

    def issue(self, message: pb.IssueRequest, caller: str, now: datetime) -> Read[Issue]:
        """Read an IssueRequest; see `_check_design`."""
        fields = Fields()
        request_id = fields.request_id(message.request_id)
        market = fields.market(message.market)
        amount = fields.money(message.amount, "amount", present=message.HasField("amount"))
        purchase = _purchase(fields, message)
        purchaser = fields.contact(
            message.purchaser, "purchaser", present=message.HasField("purchaser")
        )
        recipient = None
        if message.HasField("recipient"):
            recipient = fields.contact(message.recipient, "recipient", present=True)
        text = fields.prose(message.message, "message", MESSAGE_MAX_CHARACTERS)
        self._check_design(fields, market, message.design, now)
        deliver_on = delivery_day(fields, message, self.markets.get(market), now)
        fields.require_valid()
        command = Issue(
            key=RequestKey(caller, request_id),
            new_card=self._new_card(caller, request_id),
            market=market,
            amount=amount,
            purchase=purchase,
            design=message.design,
            message=text,
            purchaser=purchaser,
            recipient=recipient,
            deliver_on=deliver_on,
        )
        return read(command, message, fields)

    def validate(self, message: pb.ValidateRequest) -> Validate:
        """Read a ValidateRequest."""
        fields = Fields()
        card_ids = self._card_ids(fields, message.code)
        market = fields.market(message.market)
        order = None
        currency = self.markets[market].currency if market in self.markets else ""
        if message.HasField("order"):
            order = _order(fields, message.order, present=True)
            currency = order.total.currency
        fields.text(message.attempt_key, "attempt_key", REFERENCE_CHARACTERS, required=False)
        fields.require_valid()
        return Validate(card_ids=card_ids, market=market, order=order, currency=currency)

    def authorize(self, message: pb.AuthorizeRequest, caller: str) -> Read[Authorize]:
        """Read an AuthorizeRequest."""
        fields = Fields()
        request_id = fields.request_id(message.request_id)
        card_ids = self._card_ids(fields, message.code)
        market = fields.market(message.market)
        order = _order(fields, message.order, present=message.HasField("order"))
        customer = fields.contact(
            message.customer, "customer", present=message.HasField("customer")
        )
        hold_for = None
        if message.HasField("hold_for"):
            hold_for = fields.hold_for(message.hold_for, "hold_for")
        fields.text(message.attempt_key, "attempt_key", REFERENCE_CHARACTERS, required=False)
        fields.require_valid()
        command = Authorize(
            key=RequestKey(caller, request_id),
            authorization_id=codes.derive_authorization_id(self.ring.first, caller, request_id),
            card_ids=card_ids,
            market=market,
            order=order,
            customer=customer,
            hold_for=hold_for,
        )
        return read(command, message, fields)

    def capture(self, message: pb.CaptureRequest, caller: str) -> Read[Capture]:
        """Read a CaptureRequest."""
        fields = Fields()
        request_id = fields.request_id(message.request_id)
        authorization_id = fields.own_id(message.authorization_id, "authorization_id")
        amount = None
        if message.HasField("amount"):
            amount = fields.money(message.amount, "amount")
        other_tender_amount = None
        if message.HasField("other_tender_amount"):
            other_tender_amount = fields.money(
                message.other_tender_amount, "other_tender_amount", minimum=0
            )
        fields.require_valid()
        command = Capture(
            key=RequestKey(caller, request_id),
            new_card=self._new_card(caller, request_id),
            authorization_id=authorization_id,
            amount=amount,
            other_tender_amount=other_tender_amount,
        )
        return read(command, message, fields)

    def reverse(
        self,
        message: pb.ReverseRequest,
        caller: str,
        now: datetime,
        formerly: tuple[str, ...] = (),
    ) -> Read[Reverse]:
        """Read a ReverseRequest; `formerly` are former names of the caller."""
        command, fields = self.reversal(message, caller, now, formerly)
        return read(command, message, fields)

    def reversal(
        self, message: pb.ReverseRequest, caller: str, now: datetime, formerly: tuple[str, ...]
    ) -> tuple[Reverse, Fields]:
        """Return the command, and the fields, which have its mistakes of today."""
        fields = Fields()
        request_id = fields.request_id(message.request_id)
        authorization_id, authorize_request_id = _target(fields, message, request_id)
        reason = fields.member(message.reason, "reason", REVERSE_REASONS)
        refund_amount = None
        if message.HasField("refund_amount"):
            refund_amount = fields.money(message.refund_amount, "refund_amount")
        delivered_on = delivery(fields, message, reason, now)
        exercised = exercised_on(fields, message, now)
        beneficiary = None
        if message.HasField("beneficiary"):
            beneficiary = fields.contact(message.beneficiary, "beneficiary", present=True)
        fields.require_valid()
        assert reason is not None
        command = Reverse(
            key=RequestKey(caller, request_id),
            new_card=self._new_card(caller, request_id),
            authorization_id=authorization_id,
            authorize_request_id=authorize_request_id,
            reason=reason,
            refund_amount=refund_amount,
            delivered_on=delivered_on,
            beneficiary=beneficiary,
            before_delivery=message.before_delivery,
            exercised_on=exercised,
            formerly=formerly,
        )
        return command, fields

    def cancel(self, message: pb.CancelRequest, caller: str, now: datetime) -> Read[Cancel]:
        """Read a CancelRequest; `now` as in `reverse`."""
        fields = Fields()
        key = RequestKey(caller, fields.request_id(message.request_id))
        command = Cancel(
            key=key,
            card_ids=self._card_ids(fields, message.code),
            purchase_order_id=fields.text(message.purchase_order_id, "purchase_order_id"),
            exercised_on=exercised_on(fields, message, now),
            by=noted_by(fields, message),
            act_id=codes.derive_act_id(self.ring.first, *key),
        )
        fields.require_valid()
        return read(command, message, fields)

    def _card_ids(self, fields: Fields, typed: str) -> tuple[str, ...]:
        """Return a code's card id under each key of the ring; none for what is no code (R11)."""
        if not typed or len(typed) > CODE_CHARACTERS:
            fields.text(typed, "code", CODE_CHARACTERS)
            return ()
        code = fields.code = codes.parse(typed)
        return tuple(codes.derive_card_id(key, code) for key in self.ring.keys) if code else ()

    def _new_card(self, caller: str, request_id: str) -> NewCard:
        key = self.ring.first
        code = codes.derive_code(key, caller, request_id)
        return NewCard(codes.derive_card_id(key, code), code.last4, key.key_id)

    def _check_design(self, fields: Fields, market: str, design: str, now: datetime) -> None:
        """Note an unknown market, and a design that no version of its terms has (R4, R38).

        A replay may be of another day. Whether the design is on offer at `now` is for the rule;
        here it is a further violation of a request that is malformed anyway.
        """
        known = self.markets.get(market)
        if known is None and market:
            fields.wrong_today("market", "is not a market of this service")
        if known is None:
            return
        terms = known.terms_at(now)
        is_known = any(design in version.designs for version in known.versions)
        if design and design not in terms.designs and (fields.violations or not is_known):
            fields.wrong_today("design", terms.design_choice)


def _purchase(fields: Fields, message: pb.IssueRequest) -> Purchase:
    if not message.HasField("purchase"):
        fields.wrong("purchase", "is required")
        return Purchase("", PaymentMethod.OTHER, "")
    purchase = message.purchase
    method = fields.member(purchase.payment_method, "purchase.payment_method", PAYMENT_METHODS)
    return Purchase(
        fields.text(purchase.order_id, "purchase.order_id"),
        method or PaymentMethod.OTHER,
        fields.text(purchase.payment_reference, "purchase.payment_reference", REFERENCE_CHARACTERS),
        fields.discount_codes(purchase.discount_codes, "purchase.discount_codes"),
    )


def _order(fields: Fields, message: order_pb2.Order, *, present: bool) -> Order:
    if not present:
        fields.wrong("order", "is required")
        return Order("", Money(1, ""), ())
    before = len(fields.violations)
    order_id = fields.text(message.order_id, "order.order_id")
    total = fields.money(message.total, "order.total", present=message.HasField("total"))
    discounts = fields.discount_codes(message.discount_codes, "order.discount_codes")
    if not message.lines or len(message.lines) > LINES:
        fields.wrong("order.lines", f"must be from 1 to {LINES} lines")
        return Order(order_id, total, ())
    lines = tuple(
        _line(fields, line, f"order.lines[{i}]", total) for i, line in enumerate(message.lines)
    )
    is_sound = len(fields.violations) == before
    if is_sound and sum(line.amount_minor for line in lines) != total.amount_minor:
        fields.wrong("order.total", "must be what the lines add up to")
    return Order(order_id, total, lines, discounts)


def _line(fields: Fields, message: order_pb2.OrderLine, field: str, total: Money) -> OrderLine:
    category = fields.text(message.category, f"{field}.category")
    present = message.HasField("amount")
    amount = fields.money(message.amount, f"{field}.amount", present=present, minimum=0)
    if present and total.currency and amount.currency != total.currency:
        fields.wrong(f"{field}.amount.currency_code", "must be the currency of the total")
    return OrderLine(category, amount.amount_minor)


def _target(
    fields: Fields, message: pb.ReverseRequest, request_id: str
) -> tuple[str | None, str | None]:
    match message.WhichOneof("target"):
        case "authorization_id":
            return fields.own_id(message.authorization_id, "authorization_id"), None
        case "authorize_request_id":
            target = fields.request_id(message.authorize_request_id, "authorize_request_id")
            if target and target == request_id:
                fields.wrong("authorize_request_id", "must not be this request's own id")
            return None, target
        case _:
            fields.wrong("target", "authorization_id or authorize_request_id is required")
            return None, None
