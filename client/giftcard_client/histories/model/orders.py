"""Orders in the model: paid with a card, and given back (R1, R7, R13-R24, R26, R27, R33-R36)."""

from datetime import date

from giftcard_client.histories.model.asking import (
    Asked,
    Declined,
    decline_where,
    is_no_day,
    is_over,
    of_code,
    spent,
)
from giftcard_client.histories.model.cards import come_back, shown
from giftcard_client.histories.model.world import Card, Hold, Record, View
from giftcard_client.histories.recording.plain import Plain
from giftcard_client.vocabulary import Reason


def _pays(view: View, asked: Asked, card: Card) -> tuple[int, int]:
    """Return what a card pays of an order, and what of it would be lost (R14, R16)."""
    request = asked.request
    terms = view.terms(card.market)
    hold = view.hold(card.hold) if card.hold else None
    other = view.live(request["market"], request["order"])
    eligible = sum(
        minor for category, minor in request["lines"] if category not in terms.ineligible
    )
    decline_where(
        (Reason.WRONG_MARKET, card.market != request["market"]),
        (Reason.CURRENCY_MISMATCH, card.currency != request["currency"]),
        *spent(view, card),
        (Reason.CARD_HELD, hold is not None and hold.order != request["order"]),
        (Reason.ORDER_HAS_GIFT_CARD_LINE, any(_is_gift_card(line[0]) for line in request["lines"])),
        (Reason.ORDER_HAS_DISCOUNT, request["discounted"]),
        (Reason.ORDER_HAS_ANOTHER_CARD, other is not None and other.card != asked.card_id),
        (Reason.NOTHING_ELIGIBLE, eligible == 0),
    )
    worth = card.balance + card.held
    return min(worth, eligible), max(0, worth - eligible)


def _is_gift_card(category: str) -> bool:
    return "".join(category.split()).casefold().replace("-", "").replace("_", "") == "giftcard"


def validate(view: View, asked: Asked) -> Plain:
    """Return what Authorize would answer; a decline is part of the answer."""
    facts: Plain = {"usable": False, "reason": ""}
    card = view.card(asked.card_id)
    if card is None:
        return facts | {"reason": Reason.CARD_NOT_FOUND, "card": None}
    facts["card"] = shown(card)
    try:
        pays, lost = _pays(view, asked, card)
    except Declined as no:
        return facts | {"reason": no.reason}
    due = asked.request["total"] - pays
    return facts | {"usable": True, "pays": pays, "due": due, "lost": lost}


def authorize(view: View, asked: Asked) -> Plain:
    """Set money aside for an order."""
    request = asked.request
    card = of_code(view, asked)
    pays, lost = _pays(view, asked, card)
    terms = view.terms(card.market)
    former = view.hold(card.hold) if card.hold else None
    if former is not None:  # R35
        card = view.give_back(asked.card_id, card, former, "RELEASED")
    first = former.first or former.created if former is not None else view.now
    hold_for = request.get("hold_for", terms.default_hold)
    hold = Hold(
        card=asked.card_id,
        market=card.market,
        currency=card.currency,
        order=request["order"],
        state="OPEN",
        total=request["total"],
        authorized=pays,
        forfeited=lost,
        created=view.now,
        expires=min(view.now + hold_for, first + terms.longest_hold),
        first=first,
        vague=not asked.is_answered,
    )
    view.changes["hold", asked.made_hold] = hold
    view.changes["live", card.market, request["order"]] = asked.made_hold
    view.changes["card", asked.card_id] = card._replace(
        state="HELD", balance=lost, held=pays, hold=asked.made_hold
    )
    return {"authorization": _authorization(hold)}


def _authorization(hold: Hold) -> Plain:
    names = ("card", "market", "currency", "order", "state", "total", "authorized", "captured")
    facts: Plain = {name: getattr(hold, name) for name in (*names, "forfeited", "expires")}
    return facts | {"due": hold.total - hold.authorized, "refunded": hold.to_cards}


def _named(view: View, hold_id: str) -> tuple[Hold, Card]:
    hold = view.hold(hold_id)
    card = view.card(hold.card) if hold else None
    if hold is None or card is None:
        raise Declined(Reason.AUTHORIZATION_NOT_FOUND)
    return hold, card


def _is_in_other_currency(request: Plain, hold: Hold) -> bool:
    named = {request.get(name, hold.currency) for name in ("currency", "other_currency")}
    return named != {hold.currency}


def capture(view: View, asked: Asked) -> Plain:
    """Take what was set aside (R14, R27, R33, R34)."""
    hold_id = asked.request["authorization"]
    hold, card = _named(view, hold_id)
    amount = asked.request.get("amount", hold.authorized)
    decline_where(
        (Reason.CURRENCY_MISMATCH, _is_in_other_currency(asked.request, hold)),
        (Reason.AUTHORIZATION_CAPTURED, hold.state == "CAPTURED"),
        (Reason.AUTHORIZATION_RELEASED, hold.state == "RELEASED"),
        (Reason.AUTHORIZATION_LAPSED, hold.state == "LAPSED"),
    )
    if amount > hold.authorized:
        raise Declined(Reason.AMOUNT_EXCEEDS_AUTHORIZED, authorized_amount_minor=hold.authorized)
    due = hold.total - hold.authorized
    others = asked.request.get("other_tender", due)
    if others > due:
        raise Declined(Reason.AMOUNT_EXCEEDS_AUTHORIZED, remaining_due_minor=due)
    taken = hold._replace(state="CAPTURED", captured=amount, others=others, captured_at=view.now)
    view.changes["hold", hold_id] = taken
    used = card._replace(state="REDEEMED", balance=0, held=0, hold="")
    view.changes["card", hold.card] = used
    facts: Plain = {"authorization": _authorization(taken), "replacement": None}
    if amount < hold.authorized:  # R27
        facts["replacement"] = come_back(view, asked, hold, card, hold.authorized - amount)
    return facts


def reverse(view: View, asked: Asked) -> Plain:
    """Give up a hold, refund, or prevent (R22-R24, R36)."""
    request = asked.request
    hold_id = request.get("authorization", "")
    if "authorize_request" in request:
        target = (asked.key[0], request["authorize_request"])
        record = view.record(target)
        if record is None:
            view.changes["request", *target] = Record("Authorize", "", prevented=True)
            return {"outcome": "PREVENTED"}
        if record.method != "Authorize":
            raise Declined(Reason.AUTHORIZATION_NOT_FOUND)
        if not record.hold:  # Declined or prevented: it is final already.
            return {"outcome": "PREVENTED"}
        hold_id = record.hold
    hold, card = _named(view, hold_id)
    decline_where(
        (Reason.CURRENCY_MISMATCH, _is_in_other_currency(request, hold)),
        (Reason.AUTHORIZATION_RELEASED, hold.state == "RELEASED"),
        (Reason.AUTHORIZATION_LAPSED, hold.state == "LAPSED"),
    )
    if hold.state == "CAPTURED":
        return _refund(view, asked, hold_id, hold, card)
    no_day = is_no_day(view, hold.created, view.terms(hold.market), request.get("exercised_on"))
    decline_where(
        (Reason.AUTHORIZATION_NOT_CAPTURED, "amount" in request),
        (Reason.EXERCISE_DAY_OUT_OF_RANGE, no_day),
    )
    view.give_back(hold.card, card, hold, "RELEASED")
    view.card(hold.card)  # Past its expiry it is an expired card (R33).
    facts = _reversed("RELEASED", hold._replace(state="RELEASED"), 0, 0, None)
    # What would have been lost: the first edition of the contract shows it on, the second not.
    del facts["authorization"]["forfeited"]
    return facts


def _refund(view: View, asked: Asked, hold_id: str, hold: Hold, card: Card) -> Plain:
    request = asked.request
    by_card = hold.captured - hold.to_cards
    by_others = hold.others - hold.to_others
    amount = request.get("amount", by_card + by_others)
    if not 0 < amount <= by_card + by_others:
        raise Declined(
            Reason.AMOUNT_EXCEEDS_REFUNDABLE, refundable_amount_minor=by_card + by_others
        )
    terms, on = view.terms(hold.market), request.get("exercised_on")
    decline_where((Reason.EXERCISE_DAY_OUT_OF_RANGE, is_no_day(view, hold.created, terms, on)))
    if request["reason"] == "CHANGE_OF_MIND" and "delivered_on" in request:  # R26: no other limit.
        delivered_on = date.fromisoformat(request["delivered_on"])
        over = terms.too_late(delivered_on, terms.return_days)
        if is_over(view, over, asked, Reason.RETURN_WINDOW_CLOSED, terms, on):
            raise Declined(Reason.RETURN_WINDOW_CLOSED)
    to_card = min(amount, by_card)  # R24
    whys = hold.refunded_for | {request["reason"]}
    in_time = view.now < hold.captured_at + terms.longest_hold
    is_restored = amount == by_card + by_others and whys == {"TECHNICAL"} and in_time  # R39
    given = hold._replace(
        to_cards=hold.to_cards + to_card,
        to_others=hold.to_others + amount - to_card,
        refunded_for=whys,
        restored=hold.forfeited if is_restored else 0,
    )
    view.changes["hold", hold_id] = given
    on_new_card = to_card + given.restored
    back = come_back(view, asked, hold, card, on_new_card) if on_new_card else None
    return _reversed("REFUNDED", given, to_card, amount - to_card, back)


def _reversed(
    outcome: str, hold: Hold, to_card: int, to_other: int, replacement: Plain | None
) -> Plain:
    return {
        "outcome": outcome,
        "authorization": _authorization(hold),
        "to_card": to_card,
        "to_other": to_other,
        "replacement": replacement,
    }
