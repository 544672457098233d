"""The terms once more, over plain dictionaries and without the rules: the expected answers.

This is written from the terms and the contract alone, so that a mistake would have to be made
twice. Everything that time does is booked before each answer.
"""

from dataclasses import fields, replace
from datetime import datetime, timedelta

from giftcard_rules.act_commands import ApproveProposal, CancelPurchase, ResendCard
from giftcard_rules.authorization_calls import ExtendAuthorization
from giftcard_rules.commands import (
    Authorize,
    Capture,
    CatchUp,
    DeskAct,
    Issue,
    Order,
    PaymentMethod,
)
from giftcard_rules.questions import Validate
from given.model.plain_books import Wanted, method_of
from given.model.plain_desk import PlainDesk
from given.model.plain_people import OutOfReachError
from given.model.plain_terms import (
    MARKETS,
    Facts,
    ModelDeclinedError,
    decline_where,
    decline_while_held,
    give_back,
    in_other_currency,
    pass_time,
    spent,
    terms_at,
)

GIFT_CARDS = {"gift_card", "Gift Card", "GIFT-CARD"}  # R18
NO_TRACE = {
    "ANSWER_RETIRED",
    "AUTHORIZATION_NOT_FOUND",
    "CARD_NOT_FOUND",
    "PROPOSAL_NOT_FOUND",
    "REQUEST_ID_REUSED",
    "REQUEST_PREVENTED",
}
# What follows from a caller's name, and is no part of what it wants.
NAMES = {"key": None, "new_card": None, "formerly": None, "act_id": None, "is_proposed": None}
DERIVED: dict[type, Facts] = {
    Authorize: {"authorization_id": None},
    ApproveProposal: {"act": None},  # It is the proposal's.
    CancelPurchase: {"card_id": None},  # It follows from number and address.
}


def _meaning(command: Wanted) -> Facts:
    values = {field.name: getattr(command, field.name) for field in fields(command)}
    if isinstance(values.get("act"), ResendCard):  # Whom it reaches follows from the card.
        values["act"] = replace(values["act"], unreachable=None, addressee=None)
    return values | NAMES | DERIVED.get(type(command), {})


class PlainModel(PlainDesk):
    """All commands, each decided once."""

    def answer(self, command: Wanted, now: datetime) -> Facts:
        """Return the answer to a command; `replayed` says whether it was answered before."""
        pass_time(self.cards, self.holds, now)
        if isinstance(command, CatchUp | DeskAct):  # They have no records.
            return self._decided(command, now) | {"replayed": False}
        known = self._known(command.key)
        if known is not None:
            why_not = self._why_not_answered(known, command)
            if why_not is not None:
                return {"declined": why_not, "replayed": False}
            return dict(known["answer"], replayed=True)
        answer = self._decided(command, now)
        if "error" not in answer and answer.get("declined") not in NO_TRACE:
            self._remember(command.key, command, answer)
        return dict(answer) | {"replayed": False}

    def _why_not_answered(self, known: Facts, command: Wanted) -> str | None:
        if known["method"] != method_of(command):
            return "REQUEST_ID_REUSED"
        if known["command"] is None:  # R36
            return "REQUEST_PREVENTED"
        if known["retirements"] < self.retirements:
            return "ANSWER_RETIRED"
        return None if _meaning(known["command"]) == _meaning(command) else "REQUEST_ID_REUSED"

    def _catchup(self, _command: CatchUp, _now: datetime) -> Facts:
        return {}

    def _decided(self, command: Wanted, now: datetime) -> Facts:
        try:
            decided: Facts = getattr(self, f"_{type(command).__name__.lower()}")(command, now)
        except ModelDeclinedError as declined:
            return declined.answer
        except OutOfReachError:
            return {"error": "PersonOutOfReachError"}
        self.take_in_people(command, decided)
        return decided

    def _issue(self, command: Issue, now: datetime) -> Facts:
        currency, _ = MARKETS[command.market]
        terms = terms_at(command.market, now)
        least, most = terms["amounts"]
        order = (command.market, command.purchase.order_id)
        reference = (command.market, command.purchase.payment_reference)
        decline_where(
            ("CURRENCY_MISMATCH", command.amount.currency != currency),
            ("PURCHASE_HAS_ANOTHER_CARD", order in self.bought or reference in self.paid),
            (
                "PAYMENT_METHOD_NOT_ACCEPTED",
                command.purchase.payment_method != PaymentMethod.BANK_CARD,
            ),
            ("PURCHASE_HAS_DISCOUNT", command.purchase.discount_codes != ()),
            ("AMOUNT_OUT_OF_RANGE", not least <= command.amount.amount_minor <= most),
        )
        card = self._new_card(
            command,
            now,
            initial=command.amount.amount_minor,
            market=command.market,
            currency=currency,
            terms=terms,
            origin="PURCHASE",
            replaces=None,
            purchase_order=command.purchase.order_id,
            orders={command.purchase.order_id},
        )
        self.bought.add(order)
        self.paid.add(reference)
        return {"card": card}

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
            if line.category not in card["terms"]["not_paid"]
        )
        decline_where(
            ("WRONG_MARKET", card["market"] != market),
            ("CURRENCY_MISMATCH", card["currency"] != order.total.currency),
            *spent(card, now),
        )
        decline_while_held(hold, order.order_id)
        decline_where(
            ("ORDER_HAS_GIFT_CARD_LINE", not categories.isdisjoint(GIFT_CARDS)),
            ("ORDER_HAS_DISCOUNT", order.discount_codes != ()),
            ("ORDER_HAS_ANOTHER_CARD", others != []),
            ("NOTHING_ELIGIBLE", eligible == 0),
        )
        worth = card["balance"] + card["held"]
        return min(worth, eligible), max(0, worth - eligible)

    def validated(self, command: Validate, now: datetime) -> Facts:
        """Return the answer to a Validate."""
        pass_time(self.cards, self.holds, now)
        total = command.order.total.amount_minor if command.order else 0
        pays = lost = 0
        try:
            card = self._of_code(command.card_ids)
            if command.order:
                pays, lost = self._pays(card, command.market, command.order, now)
            else:
                of_another = card["market"] != command.market
                decline_where(("WRONG_MARKET", of_another), *spent(card, now))
        except ModelDeclinedError as declined:
            return {"reason": declined.answer["declined"], "pays": 0, "due": total, "lost": 0}
        return {"reason": None, "pays": pays, "due": total - pays, "lost": lost}

    def _authorize(self, command: Authorize, now: datetime) -> Facts:
        card = self._of_code(command.card_ids)
        pays, lost = self._pays(card, command.market, command.order, now)
        first, longest = now, now + timedelta(days=7)
        if card["hold"]:  # R35
            first = self.holds[card["hold"]]["first_held_at"]
            longest = first + timedelta(days=7)
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
            "others": None,
            "restored": 0,
            "captured_at": None,
            "created_at": now,
            "first_held_at": first,
            "expires_at": min(now + hold_for, longest),
        }
        self.holds[command.authorization_id] = hold
        card |= {"state": "HELD", "balance": lost, "held": pays, "hold": command.authorization_id}
        return {"authorization": dict(hold)}

    def _extendauthorization(self, command: ExtendAuthorization, now: datetime) -> Facts:
        hold = self._authorization(command.authorization_id)
        decline_where(
            ("CARD_BLOCKED", self.cards[hold["card_id"]]["blocked"]),  # R37
            ("AUTHORIZATION_CAPTURED", hold["state"] == "CAPTURED"),
            ("AUTHORIZATION_RELEASED", hold["state"] == "RELEASED"),
            ("AUTHORIZATION_LAPSED", hold["state"] == "LAPSED"),
        )
        at_most = hold["first_held_at"] + timedelta(days=7)  # R35
        hold["expires_at"] = max(hold["expires_at"], min(now + command.hold_for, at_most))
        return {"authorization": dict(hold)}

    def _capture(self, command: Capture, now: datetime) -> Facts:
        hold = self._authorization(command.authorization_id)
        card = self.cards[hold["card_id"]]
        amount = command.amount.amount_minor if command.amount else hold["authorized"]
        due = hold["total"] - hold["authorized"]
        told = command.other_tender_amount
        others = due if told is None else told.amount_minor
        decline_where(
            ("CURRENCY_MISMATCH", in_other_currency(command.amount, hold)),
            ("CURRENCY_MISMATCH", in_other_currency(told, hold)),
            ("CARD_BLOCKED", card["blocked"]),  # R37
            ("AUTHORIZATION_CAPTURED", hold["state"] == "CAPTURED"),
            ("AUTHORIZATION_RELEASED", hold["state"] == "RELEASED"),
            ("AUTHORIZATION_LAPSED", hold["state"] == "LAPSED"),
            ("AMOUNT_EXCEEDS_AUTHORIZED", amount > hold["authorized"] or others > due),
        )
        hold |= {"state": "CAPTURED", "captured": amount, "others": others, "captured_at": now}
        card |= {"state": "REDEEMED", "balance": 0, "held": 0, "hold": None}
        back = None
        if amount < hold["authorized"]:  # R27
            back = self._come_back(command, hold, hold["authorized"] - amount, now)
        return {"authorization": dict(hold), "replacement": back}
