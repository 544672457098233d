"""A call that would succeed, with the facts it looks at, and the mistakes that it can have."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from giftcard_rules.commands import Declined, Validated
from giftcard_rules.decide import decide
from giftcard_rules.facts import Facts
from giftcard_rules.reasons import Reason
from given.made_facts import MARKETS, NOW


@dataclass
class Situation:
    """A command that would succeed, with the facts it looks at, until a mistake changes them."""

    command: Any
    facts: Facts = field(default_factory=Facts)
    now: datetime = NOW
    card_id: str = ""
    authorization_id: str = ""

    def change_command(self, **changes: Any) -> None:
        self.command = replace(self.command, **changes)

    def change_order(self, **changes: Any) -> None:
        self.change_command(order=replace(self.command.order, **changes))

    def change_purchase(self, **changes: Any) -> None:
        self.change_command(purchase=replace(self.command.purchase, **changes))

    def change_card(self, **changes: Any) -> None:
        self.facts.cards[self.card_id] = self.facts.cards[self.card_id]._replace(**changes)

    def change_authorization(self, **changes: Any) -> None:
        old = self.facts.authorizations[self.authorization_id]
        self.facts.add_authorization(old._replace(**changes))

    def reason(self) -> Reason | None:
        """Decide the command, and return why it is declined, if it is."""
        outcome = decide(self.command, self.facts, MARKETS, self.now).outcome
        return outcome.reason if isinstance(outcome, Declined | Validated) else None


Change = Callable[[Situation], None]


@dataclass(frozen=True)
class Wrong:
    """One mistake; `of` is the thing that it changes, which can be changed only once."""

    reason: Reason
    of: str
    change: Change


@dataclass(frozen=True)
class Call:
    """A call that succeeds, and all the mistakes that it can have."""

    make: Callable[[], Situation]
    wrongs: tuple[Wrong, ...]
