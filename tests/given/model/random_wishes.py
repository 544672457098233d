"""The random wishes of callers, and the commands that they become.

A wish names cards, authorizations and earlier requests by how recent they are, so that it is
useful after any history, and a failing example shrinks well.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from hypothesis import strategies as st

from giftcard_rules.commands import (
    Authorize,
    Cancel,
    CatchUp,
    Keyed,
    Money,
    PaymentMethod,
    Purchase,
    RequestKey,
    Reverse,
    ReverseReason,
)
from giftcard_rules.questions import Validate
from given.made_facts import authorize, capture, extend, issue, made_by, order, validate
from given.model.named_people import beneficiary_of, people_of_purchase
from given.model.plain_books import FORMERLY, Wanted
from given.model.plain_model import PlainModel
from given.model.plain_terms import MARKETS, Facts
from given.model.renamed import renamed

Thing = TypeVar("Thing")
Wish = dict[str, Any]


def seldom(common: Sequence[Any], rare: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for one of the common values, and seldom one of the rare values.

    The rare values are in the middle, as hypothesis likes to try the ends.
    """
    either_side = list(common) * (8 * len(rare) // len(common) + 1)
    return st.sampled_from([*either_side, *rare, *either_side])


RECENT = st.integers(0, 7)
EXERCISED_DAYS_AGO = seldom([None], [0, 1, 3, 10, -1])
RARELY = seldom([False], [True])
CALLER = seldom(["checkout"], ["returns desk", *FORMERLY])
MARKET = st.sampled_from(["fr", "be", "be", "ch", "fr", "fr"])
PART_MINOR = st.none() | st.sampled_from([10_00, 1, 9_99, 20_00, 49_99, 50_00, 80_00, 5_00])
LINES = st.lists(
    st.tuples(
        seldom(["smartphone", "delivery"], ["insurance", "insurance", "gift_card", "Gift Card"]),
        st.sampled_from([50_00, 30_00, 20_00, 0, 1, 9_99, 60_00, 100_00, 49_99]),
    ),
    min_size=1,
    max_size=3,
).filter(lambda lines: sum(amount for _, amount in lines) > 0)


def _wish(kind: str, **parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Wish]:
    # A caller may by mistake send the id of the `used`-th last request again.
    used = seldom([None], [0, 1, 5])
    return st.fixed_dictionaries({"kind": st.just(kind), "caller": CALLER, "used": used} | parts)


ISSUE = _wish(
    "issue",
    amount=seldom([20_00, 50_00, 100_00, 300_00], [9_99, 10_00, 19_99, 300_01, 500_00, 500_01]),
    order=st.integers(0, 500),
    market=MARKET,
    wrong_currency=RARELY,
    method=seldom([PaymentMethod.BANK_CARD], [PaymentMethod.PAY_LATER]),
    discount=RARELY,
)
BASKET = {
    "card": RECENT,
    "order": st.integers(0, 12),
    "lines": LINES,
    "other_market": RARELY,
    "wrong_currency": RARELY,
    "discount": RARELY,
}
AUTHORIZE = _wish(
    "authorize",
    hold_for=st.sampled_from([None, None, timedelta(hours=1), timedelta(days=30)]),
    **BASKET,
)
ASK = _wish("ask", about_the_card_alone=seldom([False], [True, True]), **BASKET)
CAPTURE = _wish(
    "capture",
    hold=RECENT,
    amount=PART_MINOR,
    others=st.sampled_from([None, None, None, 0, 1, 10_00, 30_00]),
    wrong_currency=RARELY,
)
REVERSE = _wish(
    "reverse",
    target=seldom(["hold", "request"], ["next request", "any request"]),
    hold=RECENT,
    amount=PART_MINOR,
    wrong_currency=RARELY,
    reason=st.sampled_from(
        [ReverseReason.CHANGE_OF_MIND, ReverseReason.DEFECTIVE, ReverseReason.TECHNICAL]
    ),
    exercised_days_ago=EXERCISED_DAYS_AGO,
    before_delivery=RARELY,
    delivered_days_ago=st.sampled_from([0, 5, 20, 29, 30, 31, 33, 36, 40, 43, 1]),
)
CANCEL = _wish(
    "cancel",
    card=RECENT,
    order=seldom(["own"], ["return", "wrong"]),
    exercised_days_ago=EXERCISED_DAYS_AGO,
)
EXTEND = _wish(
    "extend",
    hold=RECENT,
    hold_for=st.sampled_from([timedelta(days=1), timedelta(hours=1), timedelta(days=30)]),
)
CATCH_UP = _wish("catch_up", card=RECENT)
AGAIN = _wish("again", sent=st.integers(0, 30), caller=st.sampled_from(["checkout", *FORMERLY]))
_MORE = (ISSUE, REVERSE, CAPTURE, AUTHORIZE)
WISH = st.one_of(AUTHORIZE, CAPTURE, REVERSE, AGAIN, CANCEL, CATCH_UP, EXTEND, *_MORE)


class Callers:
    """Turns wishes into commands about the cards and authorizations in the model."""

    def __init__(self, model: PlainModel) -> None:
        self.model = model
        self.sent: list[Keyed] = []
        self._number = 0

    def command(self, wish: Wish, now: datetime) -> Wanted:
        """Return the command that a wish becomes."""
        if wish["kind"] == "again" and self.sent:
            return renamed(_recent(self.sent, wish["sent"]), wish["caller"])
        if wish["kind"] == "catch_up" and self.model.cards:
            return CatchUp(self.card(wish["card"]))
        made: Keyed = {
            "issue": self._issue,
            "authorize": self._authorize,
            "capture": self._capture,
            "reverse": self._reverse,
            "cancel": self._cancel,
            "extend": self._extend,
        }.get(wish["kind"], self._nothing)(wish, now)
        self.sent.append(made)
        return made

    def question(self, wish: Wish) -> Validate:
        """Return the Validate that a wish becomes."""
        card_id, market, wanted = self._basket(wish)
        return validate(card_id, None if wish["about_the_card_alone"] else wanted, market=market)

    def _key(self, wish: Wish) -> RequestKey:
        if wish["used"] is not None and self.sent:
            return renamed(_recent(self.sent, wish["used"]), wish["caller"]).key
        self._number += 1
        return RequestKey(wish["caller"], self._id(self._number))

    @staticmethod
    def _id(number: int) -> str:
        return f"00000000-0000-4000-8000-{number:012}"

    def card(self, recent: int) -> str:
        """Return the id of a card, mostly of one that can be used."""
        usable = _in(self.model.cards, "ACTIVE", "HELD")
        cards = usable if usable and recent % 4 else list(self.model.cards)
        return _recent(cards, recent // 2) if cards else "no card"

    def hold(self, recent: int, *states: str) -> str:
        """Return the id of an authorization, mostly of one in these states."""
        live = _in(self.model.holds, *states)
        holds = live if live and recent % 4 else list(self.model.holds)
        return _recent(holds, recent // 2) if holds else "no hold"

    def _money(self, amount_minor: int | None, market: str, wish: Wish) -> Money | None:
        if amount_minor is None:
            return None
        return Money(amount_minor, "USD" if wish["wrong_currency"] else MARKETS[market][0])

    def _nothing(self, wish: Wish, _now: datetime) -> Keyed:
        return capture("no hold", key=self._key(wish))

    def _issue(self, wish: Wish, _now: datetime) -> Keyed:
        key, market = self._key(wish), wish["market"]
        discounts = ("NOEL10",) if wish["discount"] else ()
        # Some references have bought a card for another order already (R10).
        order_id, reference = f"purchase-{wish['order']}", f"payment-{wish['order'] // 2}"
        bought = Purchase(order_id, wish["method"], reference, discounts)
        amount = self._money(wish["amount"], market, wish)
        assert amount is not None
        made = issue(key=key, market=market, amount=amount, purchase=bought)
        return replace(made, **people_of_purchase(wish["order"]))

    def _basket(self, wish: Wish) -> tuple[str, str, Any]:
        card_id = self.card(wish["card"])
        market = self.model.cards.get(card_id, {"market": "fr"})["market"]
        if wish["other_market"]:
            market = "be" if market == "fr" else "fr"
        wanted = order(
            order_id=f"order-{wish['order']}",
            currency="USD" if wish["wrong_currency"] else MARKETS[market][0],
            lines=wish["lines"],
            discount_codes=("NOEL10",) if wish["discount"] else (),
        )
        return card_id, market, wanted

    def _authorize(self, wish: Wish, _now: datetime) -> Keyed:
        card_id, market, wanted = self._basket(wish)
        key = self._key(wish)
        return authorize(card_id, wanted, key=key, market=market, hold_for=wish["hold_for"])

    def _amount(self, hold_id: str, wish: Wish) -> Money | None:
        market = self.model.holds.get(hold_id, {"market": "fr"})["market"]
        return self._money(wish["amount"], market, wish)

    def _capture(self, wish: Wish, _now: datetime) -> Keyed:
        hold_id = self.hold(wish["hold"], "OPEN")
        others = self._amount(hold_id, wish | {"amount": wish["others"]})
        amount = self._amount(hold_id, wish)
        return capture(hold_id, key=self._key(wish), amount=amount, other_tender_amount=others)

    def _extend(self, wish: Wish, _now: datetime) -> Keyed:
        return extend(self.hold(wish["hold"], "OPEN"), wish["hold_for"], key=self._key(wish))

    def _reverse(self, wish: Wish, now: datetime) -> Keyed:
        key, hold_id = self._key(wish), self.hold(wish["hold"], "OPEN", "CAPTURED")
        requests = [each.key.request_id for each in self.sent] or ["no request"]
        target = {
            "hold": None,
            "request": self._request_of(hold_id),
            "next request": self._id(self._number + 1),
            "any request": _recent(requests, wish["hold"]),
        }[wish["target"]]
        if target == key.request_id:  # The edge refuses this as malformed.
            target = None
        return Reverse(
            key=key,
            new_card=made_by(key),
            authorization_id=hold_id if target is None else None,
            authorize_request_id=target,
            reason=wish["reason"],
            refund_amount=self._amount(hold_id, wish),
            delivered_on=now.date() - timedelta(days=wish["delivered_days_ago"]),
            beneficiary=beneficiary_of(wish["hold"]),
            before_delivery=wish["before_delivery"],
            exercised_on=_days_ago(wish["exercised_days_ago"], now),
            formerly=FORMERLY.get(key.caller, ()),
        )

    def _request_of(self, hold_id: str) -> str:
        for sent in self.sent:
            if isinstance(sent, Authorize) and sent.authorization_id == hold_id:
                return sent.key.request_id
        return "no request"

    def _cancel(self, wish: Wish, now: datetime) -> Keyed:
        card_id = self.card(wish["card"])
        card = self.model.cards.get(card_id, {"orders": ["no order"], "purchase_order": "none"})
        order_id = {
            "own": card["purchase_order"],
            "return": min(card["orders"]),
            "wrong": "another order",
        }[wish["order"]]
        return Cancel(
            key=self._key(wish),
            card_ids=(card_id,),
            purchase_order_id=order_id,
            exercised_on=_days_ago(wish["exercised_days_ago"], now),
        )


def _in(facts: dict[str, Facts], *states: str) -> list[str]:
    return [name for name, each in facts.items() if each["state"] in states]


def _days_ago(days: int | None, now: datetime) -> date | None:
    return None if days is None else now.date() - timedelta(days=days)


def _recent(things: Sequence[Thing], ago: int) -> Thing:
    return things[-1 - ago % len(things)]
