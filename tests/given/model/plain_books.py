"""The facts of the plain model, and the ways in which every rule looks at them and adds to them."""

from datetime import datetime
from typing import Any

from giftcard_rules.act_commands import ActOnCard
from giftcard_rules.commands import Capture, CatchUp, DeskAct, Issue, Keyed, RequestKey, Reverse
from giftcard_rules.person_acts import ActOnPeople
from given.model.plain_terms import Facts, decline, decline_where, expiry_of

Wanted = Keyed | CatchUp | DeskAct

# The callers that had other names before.
FORMERLY = {"checkout anew": ("checkout",)}


def method_of(command: Wanted) -> str:
    """Return the name of the RPC that a command is of."""
    return (
        command.method if isinstance(command, ActOnCard | ActOnPeople) else type(command).__name__
    )


def keys_of(key: RequestKey) -> list[RequestKey]:
    """Return the name of a request under each name of its caller, the present one first."""
    return [
        RequestKey(name, key.request_id) for name in (key.caller, *FORMERLY.get(key.caller, ()))
    ]


class PlainBooks:
    """Cards, holds and requests as dictionaries by their ids."""

    def __init__(self) -> None:
        self.cards: dict[str, Facts] = {}
        self.holds: dict[str, Facts] = {}
        self.requests: dict[RequestKey, Facts] = {}
        self.bought: set[tuple[str, str]] = set()
        self.paid: set[tuple[str, str]] = set()  # The payment references that bought a card.
        self.retirements = 0

    def retire_the_key(self) -> None:
        """Retire the key of all answers so far."""
        self.retirements += 1

    def _known(self, key: RequestKey) -> Facts | None:
        """Return what is remembered of a request, under any name of its caller."""
        return next((self.requests[each] for each in keys_of(key) if each in self.requests), None)

    def _remember(self, key: RequestKey, command: Wanted | None, answer: Facts) -> None:
        method = method_of(command) if command else "Authorize"
        known = {"method": method, "command": command, "answer": answer}
        self.requests[key] = known | {"retirements": self.retirements}

    def _new_card(self, command: Issue | Capture | Reverse, now: datetime, **facts: Any) -> Facts:
        card = facts | {
            "card_id": command.new_card.card_id,
            "state": "ACTIVE",
            "blocked": facts.get("blocked_at") is not None,
            "blocked_at": facts.get("blocked_at"),
            "balance": facts["initial"],
            "held": 0,
            "hold": None,
            "issued_at": now,
            "expires_at": expiry_of(now, facts["terms"]["months"], facts["market"]),
        }
        self.cards[card["card_id"]] = card
        return dict(card)

    def _of_code(self, card_ids: tuple[str, ...]) -> Facts:
        known = [card_id for card_id in card_ids if card_id in self.cards]
        decline_where(("CARD_NOT_FOUND", known == []))
        return self.cards[known[0]]

    def _authorization(self, authorization_id: str | None) -> Facts:
        if authorization_id not in self.holds:
            decline("AUTHORIZATION_NOT_FOUND")
        return self.holds[authorization_id]

    def _come_back(
        self, command: Capture | Reverse, hold: Facts, amount: int, now: datetime
    ) -> Facts:
        old = self.cards[hold["card_id"]]
        return self._new_card(
            command,
            now,
            initial=amount,
            market=old["market"],
            currency=old["currency"],
            terms=old["terms"],  # R38
            origin="REFUND",
            replaces=old["card_id"],
            blocked_at=old["blocked_at"],  # R37
            # The purchase that the money came from, and the order that it came back from.
            purchase_order=old["purchase_order"],
            orders={old["purchase_order"], hold["order_id"]},
        )
