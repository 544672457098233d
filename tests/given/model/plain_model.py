"""The terms once more, over plain dictionaries and without the rules: the expected answers.

This is written from the terms and the contract alone, so that a mistake would have to be made
twice. Everything that time does is booked before each answer.
"""

from datetime import datetime, timedelta
from typing import Any

from giftcard_rules.commands import (
    Authorize,
    Cancel,
    Capture,
    CatchUp,
    Issue,
    Keyed,
    Order,
    PaymentMethod,
    RequestKey,
    Reverse,
    ReverseReason,
    Validate,
)
from given.model.plain_terms import (
    MARKETS,
    Facts,
    ModelDeclinedError,
    cancellable_until,
    decline,
    decline_where,
    give_back,
    in_other_currency,
    pass_time,
    six_months_after,
    spent,
    too_late,
)

Wanted = Keyed | CatchUp

NO_TRACE = {"CARD_NOT_FOUND", "AUTHORIZATION_NOT_FOUND", "REQUEST_ID_REUSED", "REQUEST_PREVENTED"}


class PlainModel:
    """Cards, holds and requests as dictionaries by their ids."""

    def __init__(self) -> None:
        self.cards: dict[str, Facts] = {}
        self.holds: dict[str, Facts] = {}
        self.requests: dict[RequestKey, Facts] = {}
        self.bought: set[tuple[str, str]] = set()

    def answer(self, command: Wanted, now: datetime) -> Facts:
        """Return the answer to a command; `replayed` says whether it was answered before."""
        pass_time(self.cards, self.holds, now)
        if isinstance(command, CatchUp):
            return {"replayed": False}
        known = self.requests.get(command.key)
        if known is not None:
            if known["method"] != type(command).__name__:
                return {"declined": "REQUEST_ID_REUSED", "replayed": False}
            if known["command"] is None:  # R36
                return {"declined": "REQUEST_PREVENTED", "replayed": False}
            if known["command"] != command:
                return {"declined": "REQUEST_ID_REUSED", "replayed": False}
            return dict(known["answer"], replayed=True)
        try:
            answer = getattr(self, f"_{type(command).__name__.lower()}")(command, now)
        except ModelDeclinedError as declined:
            answer = declined.answer
        if answer.get("declined") not in NO_TRACE:
            self._remember(command.key, command, answer)
        return dict(answer) | {"replayed": False}

    def _remember(self, key: RequestKey, command: Wanted | None, answer: Facts) -> None:
        method = type(command).__name__ if command else "Authorize"
        self.requests[key] = {"method": method, "command": command, "answer": answer}

    def _new_card(self, command: Issue | Capture | Reverse, now: datetime, **facts: Any) -> Facts:
        card = facts | {
            "card_id": command.new_card.card_id,
            "state": "ACTIVE",
            "blocked": False,
            "balance": facts["initial"],
            "held": 0,
            "hold": None,
            "issued_at": now,
            "expires_at": six_months_after(now, MARKETS[facts["market"]][1]),
        }
        self.cards[card["card_id"]] = card
        return dict(card)

    def _issue(self, command: Issue, now: datetime) -> Facts:
        currency, _ = MARKETS[command.market]
        order = (command.market, command.purchase.order_id)
        decline_where(
            ("CURRENCY_MISMATCH", command.amount.currency != currency),
            ("PURCHASE_HAS_ANOTHER_CARD", order in self.bought),
            (
                "PAYMENT_METHOD_NOT_ACCEPTED",
                command.purchase.payment_method != PaymentMethod.BANK_CARD,
            ),
            ("PURCHASE_HAS_DISCOUNT", command.purchase.discount_codes != ()),
            ("AMOUNT_OUT_OF_RANGE", not 2000 <= command.amount.amount_minor <= 50000),
        )
        card = self._new_card(
            command,
            now,
            initial=command.amount.amount_minor,
            market=command.market,
            currency=currency,
            origin="PURCHASE",
            replaces=None,
            purchase_order=command.purchase.order_id,
            orders={command.purchase.order_id},
        )
        self.bought.add(order)
        return {"card": card}

    def _of_code(self, card_ids: tuple[str, ...]) -> Facts:
        known = [card_id for card_id in card_ids if card_id in self.cards]
        decline_where(("CARD_NOT_FOUND", known == []))
        return self.cards[known[0]]

    def _pays(self, card: Facts, market: str, order: Order, now: datetime) -> tuple[int, int]:
        """Return the amount that a card pays of an order, and the one that it loses (R14, R16)."""
        hold = self.holds[card["hold"]] if card["hold"] else None
        others = [
            each
            for each in self.holds.values()
            if (each["market"], each["order_id"]) == (market, order.order_id)
            and each["state"] in {"OPEN", "CAPTURED"}
            and each["card_id"] != card["card_id"]
        ]
        categories = {line.category for line in order.lines}
        eligible = sum(
            line.amount_minor
            for line in order.lines
            if line.category not in {"insurance", "mobile_plan"}
        )
        decline_where(
            ("WRONG_MARKET", card["market"] != market),
            ("CURRENCY_MISMATCH", card["currency"] != order.total.currency),
            *spent(card, now),
            ("CARD_HELD", hold is not None and hold["order_id"] != order.order_id),
            ("ORDER_HAS_GIFT_CARD_LINE", "gift_card" in categories),
            ("ORDER_HAS_DISCOUNT", order.discount_codes != ()),
            ("ORDER_HAS_ANOTHER_CARD", others != []),
            ("NOTHING_ELIGIBLE", eligible == 0),
        )
        worth = card["balance"] + card["held"]
        return min(worth, eligible), max(0, worth - eligible)

    def validated(self, command: Validate, now: datetime) -> Facts:
        """Return the answer to a Validate."""
        pass_time(self.cards, self.holds, now)
        total = command.order.total.amount_minor
        try:
            card = self._of_code(command.card_ids)
            pays, lost = self._pays(card, command.market, command.order, now)
        except ModelDeclinedError as declined:
            return {"reason": declined.answer["declined"], "pays": 0, "due": total, "lost": 0}
        return {"reason": None, "pays": pays, "due": total - pays, "lost": lost}

    def _authorize(self, command: Authorize, now: datetime) -> Facts:
        card = self._of_code(command.card_ids)
        pays, lost = self._pays(card, command.market, command.order, now)
        if card["hold"]:  # R35
            give_back(card, self.holds[card["hold"]], "RELEASED")
        hold_for = command.hold_for or timedelta(days=1)
        hold = {
            "authorization_id": command.authorization_id,
            "card_id": card["card_id"],
            "market": card["market"],
            "currency": card["currency"],
            "order_id": command.order.order_id,
            "state": "OPEN",
            "total": command.order.total.amount_minor,
            "authorized": pays,
            "forfeited": lost,
            "captured": 0,
            "to_cards": 0,
            "to_others": 0,
            "expires_at": now + min(hold_for, timedelta(days=7)),
        }
        self.holds[command.authorization_id] = hold
        card |= {"state": "HELD", "balance": lost, "held": pays, "hold": command.authorization_id}
        return {"authorization": dict(hold)}

    def _authorization(self, authorization_id: str | None) -> Facts:
        if authorization_id not in self.holds:
            decline("AUTHORIZATION_NOT_FOUND")
        return self.holds[authorization_id]

    def _capture(self, command: Capture, now: datetime) -> Facts:
        hold = self._authorization(command.authorization_id)
        card = self.cards[hold["card_id"]]
        amount = command.amount.amount_minor if command.amount else hold["authorized"]
        decline_where(
            ("CURRENCY_MISMATCH", in_other_currency(command.amount, hold)),
            ("CARD_BLOCKED", card["blocked"]),  # R37
            ("AUTHORIZATION_CAPTURED", hold["state"] == "CAPTURED"),
            ("AUTHORIZATION_RELEASED", hold["state"] == "RELEASED"),
            ("AUTHORIZATION_LAPSED", hold["state"] == "LAPSED"),
            ("AMOUNT_EXCEEDS_AUTHORIZED", amount > hold["authorized"]),
        )
        hold |= {"state": "CAPTURED", "captured": amount}
        card |= {"state": "REDEEMED", "balance": 0, "held": 0, "hold": None}
        back = None
        if amount < hold["authorized"]:  # R27
            back = self._come_back(command, hold, hold["authorized"] - amount, now)
        return {"authorization": dict(hold), "replacement": back}

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
            origin="REFUND",
            replaces=old["card_id"],
            # The purchase that the money came from, and the order that it came back from.
            purchase_order=old["purchase_order"],
            orders={old["purchase_order"], hold["order_id"]},
        )

    def _reverse(self, command: Reverse, now: datetime) -> Facts:
        authorization_id = command.authorization_id
        if command.authorize_request_id is not None:
            key = RequestKey(command.key.caller, command.authorize_request_id)
            known = self.requests.get(key)
            if known is None:
                self._remember(key, None, {})
                return {"outcome": "PREVENTED"}
            if known["method"] != "Authorize":
                decline("AUTHORIZATION_NOT_FOUND")
            if "authorization" not in known["answer"]:
                return {"outcome": "PREVENTED"}
            authorization_id = known["answer"]["authorization"]["authorization_id"]
        hold = self._authorization(authorization_id)
        decline_where(
            ("CURRENCY_MISMATCH", in_other_currency(command.refund_amount, hold)),
            ("AUTHORIZATION_RELEASED", hold["state"] == "RELEASED"),
            ("AUTHORIZATION_LAPSED", hold["state"] == "LAPSED"),
        )
        if hold["state"] == "CAPTURED":
            return self._refund(command, hold, now)
        give_back(self.cards[hold["card_id"]], hold, "RELEASED")
        pass_time(self.cards, self.holds, now)
        return self._reversed("RELEASED", hold, 0, 0, None)

    def _refund(self, command: Reverse, hold: Facts, now: datetime) -> Facts:
        by_card = hold["captured"] - hold["to_cards"]
        by_others = hold["total"] - hold["authorized"] - hold["to_others"]
        wanted = command.refund_amount
        amount = by_card + by_others if wanted is None else wanted.amount_minor
        decline_where(("AMOUNT_EXCEEDS_REFUNDABLE", not 0 < amount <= by_card + by_others))
        if command.reason is ReverseReason.CHANGE_OF_MIND:
            assert command.delivered_on is not None
            deadline = too_late(command.delivered_on, 30, MARKETS[hold["market"]][1])
            if now >= deadline:
                decline("RETURN_WINDOW_CLOSED", deadline)
        to_card = min(amount, by_card)  # R24
        hold["to_cards"] += to_card
        hold["to_others"] += amount - to_card
        back = self._come_back(command, hold, to_card, now) if to_card else None
        return self._reversed("REFUNDED", hold, to_card, amount - to_card, back)

    @staticmethod
    def _reversed(
        outcome: str, hold: Facts, to_card: int, to_other: int, back: Facts | None
    ) -> Facts:
        return {
            "outcome": outcome,
            "authorization": dict(hold),
            "to_card": to_card,
            "to_other": to_other,
            "replacement": back,
        }

    def _cancel(self, command: Cancel, now: datetime) -> Facts:
        card = self._of_code(command.card_ids)
        decline_where(
            ("CARD_NOT_FOUND", command.purchase_order_id not in card["orders"]),  # R28
            *spent(card, now),
            ("CARD_HELD", card["state"] == "HELD"),
        )
        deadline = cancellable_until(card)
        if card["origin"] == "REFUND":
            decline("NOT_A_PURCHASED_CARD")
        if now >= deadline:
            decline("CANCELLATION_WINDOW_CLOSED", deadline)
        amount = card["balance"]
        card |= {"state": "CANCELLED", "balance": 0}
        return {"card": dict(card), "refund": amount}
