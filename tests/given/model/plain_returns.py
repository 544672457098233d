"""The plain model of what comes back, and of Customer Service's acts."""

from datetime import date, datetime, timedelta

from giftcard_client.histories.model.terms import midnight_after
from giftcard_rules.commands import (
    BlockCard,
    Cancel,
    Reverse,
    ReverseReason,
    UnblockCard,
    WriteOffCard,
)
from given.model.plain_books import PlainBooks, keys_of
from given.model.plain_terms import (
    MARKETS,
    Facts,
    cancellable_until,
    cannot_be,
    decline,
    decline_where,
    decline_while_held,
    give_back,
    in_other_currency,
    pass_time,
    spent,
    the_day_that_counts,
    too_late,
)

NOT_PERFORMED = {ReverseReason.NOT_DELIVERED, ReverseReason.ORDER_CANCELLED}


class PlainReturns(PlainBooks):
    """Reverse, Cancel, and the acts of Customer Service."""

    def _reverse(self, command: Reverse, now: datetime) -> Facts:
        answer = self._undone(command, now)
        if command.authorize_request_id is not None:  # R36
            target = command.key._replace(request_id=command.authorize_request_id)
            # From the oldest name on: whatever no record answers yet, up to the first that does.
            for key in reversed(keys_of(target)):
                if self._known(key) is None:
                    self._remember(key, None, {})
        return answer

    def _undone(self, command: Reverse, now: datetime) -> Facts:
        authorization_id = command.authorization_id
        if command.authorize_request_id is not None:
            known = self._known(command.key._replace(request_id=command.authorize_request_id))
            if known is not None and known["method"] != "Authorize":
                decline("AUTHORIZATION_NOT_FOUND")
            if known is None or "authorization" not in known["answer"]:
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
        decline_where(
            ("AUTHORIZATION_NOT_CAPTURED", command.refund_amount is not None),
            ("EXERCISE_DAY_OUT_OF_RANGE", cannot_be(command.exercised_on, hold, now)),
        )
        give_back(self.cards[hold["card_id"]], hold, "RELEASED")
        pass_time(self.cards, self.holds, now)
        return self._reversed("RELEASED", hold, 0, 0, None)

    def returnable_until(self, hold: Facts, delivered_on: date) -> datetime:
        """Return the instant from which it is too late to change one's mind (R21)."""
        days = self.cards[hold["card_id"]]["terms"]["return_days"]
        return too_late(delivered_on, days, MARKETS[hold["market"]][1])

    def _refund(self, command: Reverse, hold: Facts, now: datetime) -> Facts:
        by_card = hold["captured"] - hold["to_cards"]
        by_others = hold["others"] - hold["to_others"]
        terms = self.cards[hold["card_id"]]["terms"]
        wanted = command.refund_amount
        amount = by_card + by_others if wanted is None else wanted.amount_minor
        decline_where(("AMOUNT_EXCEEDS_REFUNDABLE", not 0 < amount <= by_card + by_others))
        decline_where(("EXERCISE_DAY_OUT_OF_RANGE", cannot_be(command.exercised_on, hold, now)))
        zone = MARKETS[hold["market"]][1]
        if command.reason is ReverseReason.CHANGE_OF_MIND and not command.before_delivery:
            assert command.delivered_on is not None
            deadline = self.returnable_until(hold, command.delivered_on)
            if the_day_that_counts(command.exercised_on, now, zone) >= deadline:
                decline("RETURN_WINDOW_CLOSED", deadline=deadline)
        to_card = min(amount, by_card)  # R24
        first_part = hold["to_cards"] + hold["to_others"] == 0
        hold["whys"] = ([] if first_part else hold["whys"]) + [command.reason]
        whole = amount == by_card + by_others
        in_time = now < hold["captured_at"] + timedelta(days=7)
        failed_here = in_time and set(hold["whys"]) == {ReverseReason.TECHNICAL}
        failed_there = terms["restores"] and set(hold["whys"]) <= NOT_PERFORMED
        if whole and (failed_here or failed_there):  # R39
            hold["restored"] = hold["forfeited"]
        hold["to_cards"] += to_card
        hold["to_others"] += amount - to_card
        on_new_card = to_card + hold["restored"]  # What was restored is so by the last refund.
        back = self._come_back(command, hold, on_new_card, now) if on_new_card else None
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
        )
        decline_while_held(self.holds[card["hold"]] if card["hold"] else None)
        deadline = cancellable_until(card)
        on = command.exercised_on
        decline_where(("EXERCISE_DAY_OUT_OF_RANGE", cannot_be(on, card, now)))
        if card["origin"] == "REFUND":
            decline("NOT_A_PURCHASED_CARD")
        if the_day_that_counts(on, now, MARKETS[card["market"]][1]) >= deadline:
            decline("CANCELLATION_WINDOW_CLOSED", deadline=deadline)
        amount = card["balance"]
        card |= {"state": "CANCELLED", "balance": 0}
        return {"card": dict(card), "refund": amount}

    def _blockcard(self, command: BlockCard, now: datetime) -> Facts:
        card = self._of_code((command.card_id,))
        if not card["blocked"]:
            card |= {"blocked": True, "blocked_at": now}
        return {}

    def _unblockcard(self, command: UnblockCard, now: datetime) -> Facts:
        card = self._of_code((command.card_id,))
        decline_where(("CARD_NOT_BLOCKED", not card["blocked"]))
        zone = MARKETS[card["market"]][1]
        if command.restore_validity and card["blocked_at"] < card["expires_at"]:
            since = max(card["blocked_at"], card["issued_at"]).astimezone(zone).date()
            last = card["expires_at"].astimezone(zone).date() - timedelta(days=1)
            last += now.astimezone(zone).date() - since
            card["expires_at"] = midnight_after(last, zone)
            if card["state"] == "EXPIRED" and now < card["expires_at"]:
                card |= {"state": "ACTIVE", "balance": card["initial"]}
        card |= {"blocked": False, "blocked_at": None}
        pass_time(self.cards, self.holds, now)
        return {}

    def _writeoffcard(self, command: WriteOffCard, _now: datetime) -> Facts:
        card = self._of_code((command.card_id,))
        by_block = card["blocked"] and card["blocked_at"] < card["expires_at"]
        decline_where(
            ("CARD_CANCELLED", card["state"] == "CANCELLED"),
            ("CARD_REDEEMED", card["state"] == "REDEEMED"),
            ("CARD_EXPIRED", card["state"] == "EXPIRED" and not by_block),
            ("CARD_NOT_BLOCKED", not card["blocked"]),
        )
        if card["hold"]:
            give_back(card, self.holds[card["hold"]], "RELEASED")
        card |= {"state": "CANCELLED", "balance": 0}
        return {}
