"""Random confirmations of refunds among the other wishes: in parts, whole and too much."""

from datetime import datetime

from hypothesis import strategies as st

from giftcard_rules.commands import Keyed, RequestKey, ReverseReason
from giftcard_rules.refund_commands import ConfirmRefund
from given.made_facts import authorize, capture, confirm_refund, issue, order, reverse
from given.model.plain_books import Wanted
from given.model.plain_refunds import PlainRefunds
from given.model.random_wishes import RARELY, RECENT, WISH, Callers, Wish, _recent, _wish, seldom

CONFIRM = _wish(
    "confirm",
    due=RECENT,
    by_the_other_name=RARELY,
    amount=st.sampled_from([None, None, 1, 5_00, 10_00, 20_00]),
    too_much=seldom([0], [1]),
    wrong_currency=RARELY,
)
ANY_WISH = st.one_of(WISH, CONFIRM)


# An order that a card and another tender paid: what is given back of it, and what is confirmed.
TWO_TENDERS = st.fixed_dictionaries(
    {
        "kind": st.just("two tenders"),
        "market": st.sampled_from(["fr", "be"]),
        # Of a card over 50.00: more than it, or less, so that the rest is lost unless R39 holds.
        "total": st.sampled_from([90_00, 30_00]),
        "reason": st.sampled_from([ReverseReason.DEFECTIVE, ReverseReason.NOT_DELIVERED]),
        "back": st.sampled_from([None, 60_00, 90_00, 50_00]),
        "confirmed": st.lists(st.sampled_from([5_00, 10_00, 30_00, 40_00]), max_size=3),
    }
)


class RefundCallers(Callers):
    """Callers who also confirm refunds, mostly those that are due."""

    def __init__(self, model: PlainRefunds) -> None:
        super().__init__(model)  # type: ignore[arg-type] # The whole model is one of refunds.
        self.refunds = model

    def command(self, wish: Wish, now: datetime) -> Wanted:
        """Return the command that a wish becomes."""
        if wish["kind"] != "confirm":
            return super().command(wish, now)
        made = self._confirm(wish)
        self.sent.append(made)
        return made

    def commands(self, wish: Wish, now: datetime) -> list[Wanted]:
        """Return the commands that a wish becomes, mostly one."""
        if wish["kind"] == "two tenders":
            return self.two_tenders(wish)
        return [self.command(wish, now)]

    def two_tenders(self, wish: Wish) -> list[Wanted]:
        """Return an order's life up to the confirmations; a card over 50.00 pays for it."""
        bought = issue(50_00, key=self._new_key(), market=wish["market"])
        key = self._new_key()
        wanted = order(wish["total"], order_id=f"order of {key.request_id}")
        paid = authorize(bought.new_card.card_id, wanted, key=key, market=wish["market"])
        target = paid.authorization_id
        commands: list[Keyed] = [
            bought,
            paid,
            capture(target, key=self._new_key()),
            reverse(target, wish["back"], key=self._new_key(), reason=wish["reason"]),
            *(
                confirm_refund(amount, authorization_id=target, key=self._new_key())
                for amount in wish["confirmed"]
            ),
        ]
        self.sent += commands
        return [*commands]

    def _new_key(self) -> RequestKey:
        return self._key({"used": None, "caller": "checkout"})

    def _confirm(self, wish: Wish) -> ConfirmRefund:
        dues = self.refunds.refunds_due()
        cards = list(self.refunds.cards) or ["no card"]
        card_id = _recent(list(dues) or cards, wish["due"])
        authorization_id, owed, confirmed = dues.get(card_id, (None, 1, 0))
        if wish["by_the_other_name"]:  # Mostly nothing is due by that name.
            card_id = _recent(cards, wish["due"])
            authorization_id = None
        if authorization_id is not None:
            target = {"authorization_id": authorization_id}
        else:
            target = {"card_id": card_id}
        left = max(1, owed - confirmed)
        amount = min(left, wish["amount"] or left) + wish["too_much"]
        market = self.refunds.cards.get(card_id, {"market": "fr"})["market"]
        money = self._money(amount, market, wish)
        assert money is not None
        return confirm_refund(amount, amount=money, key=self._key(wish), **target)
