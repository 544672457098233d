"""The ways to look facts up, and what commands and facts name for others to be looked up by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from peewee import SQL

from giftcard_rules.cards import Authorization, Card
from giftcard_rules.commands import (
    Authorize,
    Cancel,
    Capture,
    CatchUp,
    Command,
    Issue,
    Keyed,
    Reverse,
    Validate,
)
from giftcard_rules.decisions import CardPurchase
from giftcard_rules.facts import RequestRecord
from giftcard_storage import rows, schema
from giftcard_storage.data_keys import DataKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from peewee import Field

    from giftcard_storage.rows import Found

Fact = Card | Authorization | RequestRecord | CardPurchase | DataKey


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """One way to look facts up: by the values of a column, under conditions.

    `make` turns a row into a fact. Each lookup equals itself alone.
    """

    column: Field
    make: Callable[[Found], Fact]
    conditions: tuple[SQL, ...] = ()


CARDS: Final = Lookup(schema.Card.card_id, rows.card_of)
AUTHORIZATIONS: Final = Lookup(schema.Authorization.authorization_id, rows.authorization_of)
LIVE_AUTHORIZATIONS: Final = Lookup(
    schema.Authorization.order_id,
    rows.authorization_of,
    # Written exactly as in the partial index, which serves no other condition.
    (SQL("state IN ('OPEN', 'CAPTURED')"),),
)
PURCHASES: Final = Lookup(schema.Purchase.card_id, rows.purchase_of)
PURCHASE_ORDERS: Final = Lookup(schema.Purchase.order_id, rows.purchase_of)
REQUESTS: Final = Lookup(schema.Request.request_id, rows.request_of)
DATA_KEYS: Final = Lookup(schema.DataKey.card_id, rows.data_key_of)

LOOKUPS: Final = (
    REQUESTS,
    CARDS,
    AUTHORIZATIONS,
    LIVE_AUTHORIZATIONS,
    PURCHASE_ORDERS,
    PURCHASES,
    DATA_KEYS,
)


@dataclass(slots=True)
class Named:
    """The values that commands and facts name, by the lookup that finds what they name."""

    _named: dict[Lookup, set[str]] = field(default_factory=dict)
    _asked: dict[Lookup, set[str]] = field(default_factory=dict)

    def add_command(self, command: Command) -> None:
        """Take in what a command names."""
        match command:
            case Issue():
                self._add(PURCHASE_ORDERS, command.purchase.order_id)
            case Authorize() | Validate():
                self._add(CARDS, *command.card_ids)
                self._add(LIVE_AUTHORIZATIONS, command.order.order_id)
                if isinstance(command, Authorize):  # The customer is sealed for the card.
                    self._add(DATA_KEYS, *command.card_ids)
            case Capture():
                self._add(AUTHORIZATIONS, command.authorization_id)
            case Reverse():
                self._add_if(AUTHORIZATIONS, command.authorization_id)
                self._add_if(REQUESTS, command.authorize_request_id)
            case Cancel():
                self._add(CARDS, *command.card_ids)
                self._add(PURCHASES, *command.card_ids)
            case CatchUp():
                self._add(CARDS, command.card_id)
        if isinstance(command, Keyed):
            self._add(REQUESTS, command.key.request_id)

    def add_fact(self, fact: Fact) -> None:
        """Take in what a fact names: a card its hold, an authorization its card, and so on."""
        match fact:
            case Card():
                self._add_if(AUTHORIZATIONS, fact.hold_id)
            case Authorization():
                # It may have been found by its order.
                self._asked.setdefault(AUTHORIZATIONS, set()).add(fact.authorization_id)
                self._add(CARDS, fact.card_id)
            case RequestRecord():
                self._add_if(AUTHORIZATIONS, fact.authorization_id)
            case CardPurchase() | DataKey():
                pass  # They name a card that was asked for.

    def searches(self) -> list[tuple[Lookup, set[str]]]:
        """Return what is named and was not asked for yet; from now on it was."""
        searches = []
        for lookup, values in self._named.items():
            asked = self._asked.setdefault(lookup, set())
            if new := values - asked:
                asked |= new
                searches.append((lookup, new))
        self._named = {}
        return searches

    def _add(self, lookup: Lookup, *values: str) -> None:
        self._named.setdefault(lookup, set()).update(values)

    def _add_if(self, lookup: Lookup, value: str | None) -> None:
        if value is not None:
            self._add(lookup, value)
