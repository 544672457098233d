"""Markets, commands and facts for the tests of rules and storage, complete by default."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import holidays

from giftcard_rules.authorization_calls import ExtendAuthorization, Extended
from giftcard_rules.cards import Authorization, Card
from giftcard_rules.codes import (
    Code,
    Key,
    KeyRing,
    derive_authorization_id,
    derive_card_id,
    derive_code,
)
from giftcard_rules.commands import (
    Authorize,
    Authorized,
    Cancel,
    Capture,
    Captured,
    Command,
    Contact,
    Issue,
    Issued,
    Money,
    NewCard,
    Order,
    OrderLine,
    PaymentMethod,
    Purchase,
    RequestKey,
    Reverse,
    Reversed,
    ReverseReason,
)
from giftcard_rules.current import Markets
from giftcard_rules.decide import decide
from giftcard_rules.decisions import Decision
from giftcard_rules.facts import Facts, RequestRecord
from giftcard_rules.questions import Validate
from giftcard_rules.refund_commands import ConfirmRefund, RefundConfirmed, RefundDue
from giftcard_rules.terms import Terms, france

NOW = datetime(2026, 9, 14, 10, 0, tzinfo=UTC)  # A Monday at noon, far from every edge.

KEY = Key("2026", b"the secret of every test, 32 B. ")
RING = KeyRing((KEY,))
CALLER = "checkout"
BUYER = Contact("Amélie Acheteuse", "amelie@example.com", "fr-FR")
FRIEND = Contact("Bruno Bénéficiaire", "bruno@example.com", "fr-BE")
SHOPPER = Contact("Chloé Cliente", "chloe@example.com", "fr-FR")

_french_holidays = holidays.country_holidays("FR")
_request_numbers = count(1)


def is_working_day(day: date) -> bool:
    """Tell whether people work on that day in France."""
    return day.weekday() < 5 and day not in _french_holidays


FRANCE = france(is_working_day)
# They differ in all that is dated (R38).
BELGIAN_TERMS = Terms(
    min_amount_minor=10_00,
    max_amount_minor=300_00,
    preset_amounts_minor=(),
    designs=("classic",),
    validity_months=12,
    cancellation_days=20,
    return_days=40,
    ineligible_categories=frozenset({"insurance", "delivery"}),
    restores_when_not_performed=True,
    in_force_from=date(2027, 1, 1),
)
# Long after a hold that was taken by default at NOW, and long before its card expires.
HOLD_LAPSED = NOW + FRANCE.default_hold
MARKETS: Markets = {
    "fr": FRANCE,
    "be": replace(
        FRANCE,
        name="be",
        time_zone=ZoneInfo("Europe/Brussels"),
        versions=(*FRANCE.versions, BELGIAN_TERMS),
    ),
    "ch": replace(FRANCE, name="ch", currency="CHF", time_zone=ZoneInfo("Europe/Zurich")),
}


def request_key(caller: str = CALLER) -> RequestKey:
    """Return the name of a request that was never sent before."""
    return RequestKey(caller, f"00000000-0000-4000-8000-{next(_request_numbers):012}")


def code_of(card: Card) -> Code:
    """Return a card's code, derived from the request that issued it."""
    return derive_code(KEY, card.caller, card.request_id)


def made_by(key: RequestKey) -> NewCard:
    """Return what the edge derives for a card that the request may make."""
    code = derive_code(KEY, key.caller, key.request_id)
    return NewCard(derive_card_id(KEY, code), code.last4, KEY.key_id)


def euros(amount_minor: int) -> Money:
    """Return an amount in the currency of most tests."""
    return Money(amount_minor, "EUR")


def order(
    total_minor: int = 50_00,
    *,
    order_id: str = "order-1",
    currency: str = "EUR",
    lines: Sequence[tuple[str, int]] = (),
    discount_codes: Sequence[str] = (),
) -> Order:
    """Return an order, by default of one eligible line."""
    made = tuple(OrderLine(*line) for line in lines) or (OrderLine("smartphone", total_minor),)
    total = Money(sum(line.amount_minor for line in made), currency)
    return Order(order_id, total, made, tuple(discount_codes))


def issue(amount_minor: int = 50_00, **changes: Any) -> Issue:
    """Return a purchase of a card; `order_id` names the purchase order, by default a new one."""
    key = changes.pop("key", None) or request_key()
    bought = Purchase(
        changes.pop("order_id", f"purchase of {key.request_id}"),
        PaymentMethod.BANK_CARD,
        changes.pop("payment_reference", f"payment of {key.request_id}"),
    )
    command = Issue(
        key=key,
        new_card=made_by(key),
        market="fr",
        amount=euros(amount_minor),
        purchase=bought,
        design="classic",
        message="",
        purchaser=BUYER,
        recipient=None,
    )
    return replace(command, **changes)


def validate(card_id: str, wanted: Order | None, *, market: str = "fr") -> Validate:
    """Return a command to validate a card for an order, or without one."""
    currency = wanted.total.currency if wanted else MARKETS[market].currency
    return Validate(card_ids=(card_id,), market=market, order=wanted, currency=currency)


def authorize(card_id: str, wanted: Order, **changes: Any) -> Authorize:
    """Return a command to set money aside."""
    key = changes.pop("key", None) or request_key()
    command = Authorize(
        key=key,
        authorization_id=derive_authorization_id(KEY, key.caller, key.request_id),
        card_ids=(card_id,),
        market="fr",
        order=wanted,
        customer=SHOPPER,
        hold_for=None,
    )
    return replace(command, **changes)


def capture(authorization_id: str, amount_minor: int | None = None, **changes: Any) -> Capture:
    """Return a command to capture an authorization, by default all of it."""
    key = changes.pop("key", None) or request_key()
    amount = None if amount_minor is None else euros(amount_minor)
    command = Capture(
        key=key, new_card=made_by(key), authorization_id=authorization_id, amount=amount
    )
    return replace(command, **changes)


def reverse(
    authorization_id: str | None, amount_minor: int | None = None, **changes: Any
) -> Reverse:
    """Return a command to undo an authorization, because the goods were defective."""
    key = changes.pop("key", None) or request_key()
    command = Reverse(
        key=key,
        new_card=made_by(key),
        authorization_id=authorization_id,
        authorize_request_id=None,
        reason=ReverseReason.DEFECTIVE,
        refund_amount=None if amount_minor is None else euros(amount_minor),
        delivered_on=None,
        beneficiary=None,
    )
    return replace(command, **changes)


def extend(authorization_id: str, hold_for: timedelta, **changes: Any) -> ExtendAuthorization:
    """Return a command to hold longer."""
    key = changes.pop("key", None) or request_key()
    command = ExtendAuthorization(key=key, authorization_id=authorization_id, hold_for=hold_for)
    return replace(command, **changes)


def cancel(card: Card, **changes: Any) -> Cancel:
    """Return a command to cancel the purchase of a card, by its own order number."""
    key = changes.pop("key", None) or request_key()
    command = Cancel(key=key, card_ids=(card.card_id,), purchase_order_id=card.purchase_order_id)
    return replace(command, **changes)


def confirm_refund(amount_minor: int, **changes: Any) -> ConfirmRefund:
    """Return a command to confirm a refund, of the `card_id` or `authorization_id` in `changes`."""
    command = ConfirmRefund(
        key=changes.pop("key", None) or request_key(),
        card_id=None,
        authorization_id=None,
        amount=euros(amount_minor),
        provider_reference="refund-1",
    )
    return replace(command, **changes)


class Books:
    """Commands decided one after the other, each against the facts that the others led to."""

    def __init__(self, markets: Markets = MARKETS) -> None:
        self.facts = Facts()
        self.markets = markets
        self.now = NOW

    def decide(self, command: Command) -> Decision:
        """Decide a command now, apply the decision, and record the request of an Authorize."""
        decision = decide(command, self.facts, self.markets, self.now)
        self.facts.apply(decision)
        match decision.outcome:
            case Authorized(authorization) if isinstance(command, Authorize):
                made = RequestRecord(
                    command.key, "Authorize", authorization_id=authorization.authorization_id
                )
                self.facts.requests[made.key] = made
        return decision

    def wait(self, duration: timedelta) -> None:
        """Let time pass."""
        self.now += duration

    def bought(self, amount_minor: int = 50_00, **changes: Any) -> Card:
        """Buy a card."""
        command = issue(amount_minor, **changes)
        outcome = self.decide(command).outcome
        assert isinstance(outcome, Issued)
        return self.facts.cards[outcome.card.card_id]

    def authorized(self, card: Card, wanted: Order, **changes: Any) -> Authorization:
        """Set money aside on a card, and return the authorization."""
        outcome = self.decide(authorize(card.card_id, wanted, **changes)).outcome
        assert isinstance(outcome, Authorized)
        return outcome.authorization

    def extended(self, hold: Authorization, hold_for: timedelta) -> Authorization:
        """Hold longer, and return the hold."""
        outcome = self.decide(extend(hold.authorization_id, hold_for)).outcome
        assert isinstance(outcome, Extended)
        return outcome.authorization

    def captured(self, hold: Authorization, amount_minor: int | None = None) -> Captured:
        """Capture an authorization."""
        outcome = self.decide(capture(hold.authorization_id, amount_minor)).outcome
        assert isinstance(outcome, Captured)
        return outcome

    def paid(self, card: Card, wanted: Order) -> Authorization:
        """Pay an order with a card, and return the captured authorization."""
        return self.captured(self.authorized(card, wanted)).authorization

    def reversed(
        self, authorization: Authorization, amount_minor: int | None = None, **changes: Any
    ) -> Reversed:
        """Undo an authorization."""
        outcome = self.decide(
            reverse(authorization.authorization_id, amount_minor, **changes)
        ).outcome
        assert isinstance(outcome, Reversed)
        return outcome

    def confirmed(self, amount_minor: int, **changes: Any) -> RefundDue:
        """Confirm a refund, and return what is due as it is then."""
        outcome = self.decide(confirm_refund(amount_minor, **changes)).outcome
        assert isinstance(outcome, RefundConfirmed)
        return outcome.refund_due

    def card(self, card: Card) -> Card:
        """Return a card as it is now."""
        return self.facts.cards[card.card_id]
