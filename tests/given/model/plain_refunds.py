"""The plain model of what the payment provider owes, and of what it has paid (R24, R29)."""

from collections import Counter
from datetime import datetime

from giftcard_rules.commands import Cancel
from giftcard_rules.refund_commands import ConfirmRefund
from given.model.plain_returns import PlainReturns
from given.model.plain_terms import Facts, decline_where, in_other_currency


class PlainRefunds(PlainReturns):
    """ConfirmRefund; what is owed is what Cancel answered, and what went to other tenders."""

    def __init__(self) -> None:
        super().__init__()
        self.cancelled: Counter[str] = Counter()  # Amounts, by the id of the card.
        self.confirmed: Counter[str] = Counter()  # Likewise, of either kind.

    def refunds_due(self) -> dict[str, tuple[str | None, int, int]]:
        """Return the authorization, what was ever due, and what is confirmed, by the card's id."""
        dues: dict[str, tuple[str | None, int]] = {
            card_id: (None, amount) for card_id, amount in self.cancelled.items()
        }
        for id_, hold in self.holds.items():
            if hold["to_others"]:
                dues[hold["card_id"]] = (id_, hold["to_others"])
        return {card_id: (*due, self.confirmed[card_id]) for card_id, due in dues.items()}

    def _cancel(self, command: Cancel, now: datetime) -> Facts:
        answer = super()._cancel(command, now)
        self.cancelled[answer["card"]["card_id"]] = answer["refund"]
        return answer

    def _confirmrefund(self, command: ConfirmRefund, _now: datetime) -> Facts:
        if command.card_id is not None:
            named = self._of_code((command.card_id,))
            owed = self.cancelled[named["card_id"]]
        else:
            named = self._authorization(command.authorization_id)
            owed = named["to_others"]
        card_id, amount = named["card_id"], command.amount.amount_minor
        left = owed - self.confirmed[card_id] if owed else 0
        decline_where(
            ("CURRENCY_MISMATCH", in_other_currency(command.amount, named)),
            ("REFUND_NOT_DUE", amount > left),
        )
        self.confirmed[card_id] += amount
        return {"left": left - amount}
