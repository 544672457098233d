"""The facts of one command as of now: what time alone has done is booked before a rule looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from giftcard_rules.cards import LIVE, Authorization, Card
from giftcard_rules.reasons import DeclinedError, Reason
from giftcard_rules.steps import catch_up
from giftcard_rules.terms import Market

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.decisions import Decision
    from giftcard_rules.facts import Facts
    from giftcard_rules.ledger import Posting

Markets = Mapping[str, Market]


class Current:
    """The facts as of `now`: what time alone has done is booked before a rule looks at a card."""

    def __init__(self, facts: Facts, markets: Markets, now: datetime) -> None:
        self.facts = facts
        self.markets = markets
        self.now = now
        self._cards: dict[str, Card] = {}
        self._authorizations: dict[str, Authorization] = {}
        self._postings: tuple[Posting, ...] = ()

    def card(self, card_id: str) -> tuple[Card, Authorization | None, Market]:
        """Return a card that the facts hold, its open hold, and its market."""
        before = self._cards.get(card_id) or self.facts.cards[card_id]
        hold = self.facts.authorizations[before.hold_id] if before.hold_id else None
        card, authorization, postings = catch_up(before, hold, self.now)
        if card is not before:
            self._cards[card_id] = card
            self._postings += postings
        if authorization is not None and authorization is not hold:  # It has lapsed.
            self._authorizations[authorization.authorization_id] = authorization
            hold = None
        return card, hold, self.markets[card.market]

    def card_of(self, card_ids: tuple[str, ...]) -> tuple[Card, Authorization | None, Market]:
        """Return the card of a code: the one that exists under one of the ring's keys."""
        card_id = next((each for each in card_ids if each in self.facts.cards), None)
        if card_id is None:
            raise DeclinedError(Reason.CARD_NOT_FOUND)
        return self.card(card_id)

    def authorization(self, authorization_id: str) -> tuple[Authorization, Card, Market]:
        """Return an authorization, its card, and the card's market."""
        authorization = self.facts.authorizations.get(authorization_id)
        if authorization is None:
            raise DeclinedError(Reason.AUTHORIZATION_NOT_FOUND)
        card, _, market = self.card(authorization.card_id)
        return self._authorizations.get(authorization_id, authorization), card, market

    def live_authorization(self, market: str, order_id: str) -> Authorization | None:
        """Return the open or captured authorization of an order, on any card (R13)."""
        live_id = self.facts.live_orders.get((market, order_id))
        if live_id is None:
            return None
        authorization, _, _ = self.authorization(live_id)
        return authorization if authorization.state in LIVE else None

    def book(self, decision: Decision) -> Decision:
        """Return a decision together with what time has done."""
        if not self._cards:
            return decision
        cards = self._cards | {card.card_id: card for card in decision.cards}
        authorizations = self._authorizations | {
            authorization.authorization_id: authorization
            for authorization in decision.authorizations
        }
        return decision._replace(
            cards=tuple(cards.values()),
            authorizations=tuple(authorizations.values()),
            postings=self._postings + decision.postings,
        )
