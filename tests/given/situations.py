"""A command that the rules grant, with its facts, and everything that can be wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from giftcard_rules.commands import Declined
from giftcard_rules.current import Markets
from giftcard_rules.decide import decide
from giftcard_rules.facts import Facts
from giftcard_rules.questions import Validated
from giftcard_rules.reasons import Reason
from given.made_facts import MARKETS, NOW


@dataclass
class Situation:
    """A command that the rules grant on these facts, until a `Wrong` changes one of them."""

    command: Any
    facts: Facts = field(default_factory=Facts)
    markets: Markets = field(default_factory=lambda: MARKETS)
    now: datetime = NOW
    card_id: str = ""
    authorization_id: str = ""

    def change_command(self, **changes: Any) -> None:
        self.command = replace(self.command, **changes)

    def change_order(self, **changes: Any) -> None:
        self.change_command(order=self.command.order._replace(**changes))

    def change_purchase(self, **changes: Any) -> None:
        self.change_command(purchase=replace(self.command.purchase, **changes))

    def change_card(self, **changes: Any) -> None:
        self.facts.cards[self.card_id] = self.facts.cards[self.card_id]._replace(**changes)

    def change_markets(self, **changes: Any) -> None:
        self.markets = {name: replace(market, **changes) for name, market in self.markets.items()}

    def change_authorization(self, **changes: Any) -> None:
        old = self.facts.authorizations[self.authorization_id]
        self.facts.add_authorization(old._replace(**changes))

    def reason(self) -> Reason | None:
        """Decide the command, and return why it is declined, None if it is granted."""
        outcome = decide(self.command, self.facts, self.markets, self.now).outcome
        return outcome.reason if isinstance(outcome, Declined | Validated) else None


Change = Callable[[Situation], None]


@dataclass(frozen=True)
class Wrong:
    """One thing that can be wrong; of those with the same `of`, one at a time."""

    reason: Reason
    of: str
    change: Change


@dataclass(frozen=True)
class Call:
    """How to make a situation that is granted, and all that can be wrong with it."""

    make: Callable[[], Situation]
    wrongs: tuple[Wrong, ...]
