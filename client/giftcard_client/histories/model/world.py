"""The state of the model: cards, authorizations and request records, and the effect of time.

A world maps `("card", id)` to a Card, `("hold", id)` to a Hold, `("live", market, order)` to the id
of the order's authorization (R13), `("bought", market, order)` and `("paid", market, payment)` to a
card's id (R10), and
`("request", caller, id)` to a Record. All values are immutable, so that a search can go back.
"""

from collections.abc import Hashable, Mapping
from typing import NamedTuple

from giftcard_client.histories.model.terms import Terms

Key = tuple[Hashable, ...]
World = Mapping[Key, object]
Changes = dict[Key, object]


class Card(NamedTuple):
    """A card: `balance` is what can be spent, `held` what is set aside under the id `hold`.

    `orders` are the numbers by which Cancel can name its purchase (R28), the bought one first.
    """

    market: str
    currency: str
    state: str
    initial: int
    balance: int
    origin: str
    replaces: str
    orders: tuple[str, ...]
    issued: int
    expires: int
    held: int = 0
    hold: str = ""


class Hold(NamedTuple):
    """An authorization.

    `vague` is that of a call without an answer, which may have been held later than it says.
    """

    card: str
    market: str
    currency: str
    order: str
    state: str
    total: int
    authorized: int
    forfeited: int
    created: int
    expires: int
    captured: int = 0
    to_cards: int = 0
    to_others: int = 0
    vague: bool = False
    first: int = 0  # When the chain of replaced holds began (R35).
    others: int = 0  # What the order's other tenders took, once it is captured.
    captured_at: int = 0
    restored: int = 0
    refunded_for: frozenset[str] = frozenset()  # R39


class Record(NamedTuple):
    """What was decided under a request id. `hold` is what an Authorize was granted."""

    method: str
    fingerprint: str
    hold: str = ""
    prevented: bool = False


class View:
    """A world at one instant: lapses and expiries are booked when a card or hold is read."""

    def __init__(self, world: World, terms: Mapping[str, Terms], now: int) -> None:
        """Open a view; the world itself never changes."""
        self.now = now
        self.changes: Changes = {}
        self._world = world
        self._terms = terms

    def terms(self, market: str) -> Terms:
        """Return the terms of a market. Raises KeyError where they are not known."""
        return self._terms[market]

    def card(self, card_id: str) -> Card | None:
        """Return a card whose hold has lapsed (R34), or that has expired (R12), by now."""
        card = self.get(("card", card_id))
        if not isinstance(card, Card):
            return None
        hold = self.get(("hold", card.hold))
        if isinstance(hold, Hold) and hold.expires <= self.now:
            card = self.give_back(card_id, card, hold, "LAPSED")
        if card.state == "ACTIVE" and card.expires <= self.now:
            card = card._replace(state="EXPIRED", balance=0)
            self.changes["card", card_id] = card
        return card

    def hold(self, hold_id: str) -> Hold | None:
        """Return an authorization, lapsed where it is time."""
        hold = self.get(("hold", hold_id))
        if isinstance(hold, Hold):
            self.card(hold.card)
            hold = self.get(("hold", hold_id))
        return hold if isinstance(hold, Hold) else None

    def live(self, market: str, order: str) -> Hold | None:
        """Return the open or captured authorization of an order (R13)."""
        hold = self.hold(str(self.get(("live", market, order))))
        return hold if hold is not None and hold.state in {"OPEN", "CAPTURED"} else None

    def record(self, key: tuple[str, str]) -> Record | None:
        """Return what was decided under a request id."""
        found = self.get(("request", *key))
        return found if isinstance(found, Record) else None

    def give_back(self, card_id: str, card: Card, hold: Hold, becomes: str) -> Card:
        """Give what is set aside back to its card."""
        self.changes["hold", card.hold] = hold._replace(state=becomes)
        card = card._replace(state="ACTIVE", balance=card.balance + card.held, held=0, hold="")
        self.changes["card", card_id] = card
        return card

    def get(self, key: Key) -> object:
        """Return what there is under a key, as it is in the world or was changed since."""
        return self.changes.get(key) or self._world.get(key)
