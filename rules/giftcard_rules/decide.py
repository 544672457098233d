"""Which facts each command looks at, and which rule decides it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from giftcard_rules import purchase, returns, tender
from giftcard_rules.cards import LIVE, Authorization, Card, catch_up
from giftcard_rules.commands import (
    Authorize,
    Cancel,
    Capture,
    CatchUp,
    CaughtUp,
    Command,
    Declined,
    Issue,
    RequestKey,
    Reverse,
    Reversed,
    ReverseOutcome,
    Validate,
)
from giftcard_rules.decisions import Decision
from giftcard_rules.reasons import DeclinedError, Reason
from giftcard_rules.terms import Market

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.facts import Facts
    from giftcard_rules.ledger import Posting


Markets = Mapping[str, Market]


class Current:
    """The facts as of `now`: whatever time alone has done is booked before a rule looks."""

    def __init__(self, facts: Facts, markets: Markets, now: datetime) -> None:
        self.facts = facts
        self.markets = markets
        self.now = now
        self._cards: dict[str, Card] = {}
        self._authorizations: dict[str, Authorization] = {}
        self._postings: tuple[Posting, ...] = ()

    def card(self, card_id: str) -> tuple[Card, Authorization | None, Market]:
        """Return a card that the facts hold, its open hold, and its market."""
        found = self._cards.get(card_id) or self.facts.cards[card_id]
        open_hold = self.facts.authorizations[found.hold_id] if found.hold_id else None
        card, hold, postings = catch_up(found, open_hold, self.now)
        if card is not found:
            self._cards[card_id] = card
            self._postings += postings
        if hold is not None and hold is not open_hold:
            self._authorizations[hold.authorization_id] = hold
            hold = None
        return card, hold, self.markets[card.market]

    def card_of(self, card_ids: tuple[str, ...]) -> tuple[Card, Authorization | None, Market]:
        """Return the card of a code: the one that exists under one of the ring's keys."""
        known = next((card_id for card_id in card_ids if card_id in self.facts.cards), None)
        if known is None:
            raise DeclinedError(Reason.CARD_NOT_FOUND)
        return self.card(known)

    def authorization(self, authorization_id: str) -> tuple[Authorization, Card, Market]:
        """Return an authorization, its card, and the card's market."""
        found = self.facts.authorizations.get(authorization_id)
        if found is None:
            raise DeclinedError(Reason.AUTHORIZATION_NOT_FOUND)
        card, _, market = self.card(found.card_id)
        return self._authorizations.get(authorization_id, found), card, market

    def live_authorization(self, market: str, order_id: str) -> Authorization | None:
        """Return the authorization that an order has already, whosever card it is (R13)."""
        live_id = self.facts.live_orders.get((market, order_id))
        if live_id is None:
            return None
        found, _, _ = self.authorization(live_id)
        return found if found.state in LIVE else None

    def book(self, decision: Decision) -> Decision:
        """Add what time has done to a decision."""
        if not self._cards:
            return decision
        cards = self._cards | {card.card_id: card for card in decision.cards}
        authorizations = self._authorizations | {
            authorization.authorization_id: authorization
            for authorization in decision.authorizations
        }
        return replace(
            decision,
            cards=tuple(cards.values()),
            authorizations=tuple(authorizations.values()),
            postings=self._postings + decision.postings,
        )


def decide(command: Command, facts: Facts, markets: Markets, now: datetime) -> Decision:
    """Decide a command against the facts; a no is a decision, too.

    Raises nothing for a business reason: whatever is raised is a defect.
    """
    current = Current(facts, markets, now)
    try:
        decision = _RULE[type(command)](command, current)
    except DeclinedError as no:
        decision = Decision(outcome=Declined(no.reason, no.details))
    return current.book(decision)


def _issue(command: Issue, current: Current) -> Decision:
    order = (command.market, command.purchase.order_id)
    other_card_id = current.facts.purchase_orders.get(order)
    terms = current.markets[command.market].terms
    return purchase.issue(command, other_card_id, terms, current.now)


def _validate(command: Validate, current: Current) -> Decision:
    try:
        card, hold, market = current.card_of(command.card_ids)
    except DeclinedError as no:
        return Decision(outcome=tender.unusable(no.reason, None, command.order))
    other = current.live_authorization(command.market, command.order.order_id)
    return Decision(outcome=tender.validate(command, card, hold, other, market.terms, current.now))


def _authorize(command: Authorize, current: Current) -> Decision:
    card, hold, market = current.card_of(command.card_ids)
    other = current.live_authorization(command.market, command.order.order_id)
    return tender.authorize(command, card, hold, other, market.terms, current.now)


def _capture(command: Capture, current: Current) -> Decision:
    hold, card, market = current.authorization(command.authorization_id)
    return tender.capture(command, hold, card, market.terms, current.now)


def _reverse(command: Reverse, current: Current) -> Decision:
    authorization_id = command.authorization_id
    if command.authorize_request_id is not None:
        target = RequestKey(command.key.caller, command.authorize_request_id)
        record = current.facts.requests.get(target)
        if record is None:
            return returns.prevent(target)
        if record.method != Authorize.__name__:
            raise DeclinedError(Reason.AUTHORIZATION_NOT_FOUND)
        if record.authorization_id is None:  # Declined or prevented: it is final already.
            return Decision(outcome=Reversed(ReverseOutcome.PREVENTED))
        authorization_id = record.authorization_id
    assert authorization_id is not None, "a Reverse that names nothing"
    authorization, card, market = current.authorization(authorization_id)
    return returns.reverse(command, authorization, card, market, current.now)


def _cancel(command: Cancel, current: Current) -> Decision:
    card, _, market = current.card_of(command.card_ids)
    bought = current.facts.purchases.get(card.card_id)
    return purchase.cancel(command, card, bought, market, current.now)


def _catch_up(command: CatchUp, current: Current) -> Decision:
    current.card(command.card_id)
    return Decision(outcome=CaughtUp())


_RULE: Final[dict[type[Command], Callable[[Any, Current], Decision]]] = {
    Issue: _issue,
    Validate: _validate,
    Authorize: _authorize,
    Capture: _capture,
    Reverse: _reverse,
    Cancel: _cancel,
    CatchUp: _catch_up,
}
