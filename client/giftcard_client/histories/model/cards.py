"""Cards in the model: bought, cancelled, and made for money that comes back (R2-R10, R23-R28)."""

from giftcard_client.histories.model.asking import (
    Asked,
    decline_where,
    is_no_day,
    is_over,
    of_code,
    spent,
)
from giftcard_client.histories.model.world import Card, Hold, Key, View
from giftcard_client.histories.recording.plain import Plain
from giftcard_client.vocabulary import Reason


def issue(view: View, asked: Asked) -> Plain:
    """Make a card for a purchase."""
    request = asked.request
    market = request["market"]
    terms = view.terms(market)
    bought: Key = ("bought", market, request["purchase_order"])
    paid: Key = ("paid", market, request.get("payment", ""))
    has_card = view.get(bought) is not None or ("payment" in request and view.get(paid) is not None)
    decline_where(
        (Reason.CURRENCY_MISMATCH, request["currency"] != terms.currency),
        (Reason.PURCHASE_HAS_ANOTHER_CARD, has_card),  # R10
        (Reason.PAYMENT_METHOD_NOT_ACCEPTED, request["payment_method"] != "BANK_CARD"),
        (Reason.PURCHASE_HAS_DISCOUNT, request["discounted"]),
        (Reason.AMOUNT_OUT_OF_RANGE, not terms.min_amount <= request["amount"] <= terms.max_amount),
    )
    view.changes[bought] = view.changes[paid] = asked.made_card
    card = Card(
        market=market,
        currency=terms.currency,
        state="ACTIVE",
        initial=request["amount"],
        balance=request["amount"],
        origin="PURCHASE",
        replaces="",
        orders=(request["purchase_order"],),
        issued=view.now,
        expires=terms.expiry(view.now),
    )
    return {"card": new_card(view, asked, card)}


def cancel(view: View, asked: Asked) -> Plain:
    """Cancel the purchase of an unused card."""
    card = of_code(view, asked)
    terms = view.terms(card.market)
    over = terms.too_late(terms.day_of(card.issued), terms.cancellation_days)
    on = asked.request.get("exercised_on")
    too_late = is_over(view, over, asked, Reason.CANCELLATION_WINDOW_CLOSED, terms, on)
    out_of_range = is_no_day(view, card.issued, terms, on)
    decline_where(
        (Reason.CARD_NOT_FOUND, asked.request["purchase_order"] not in card.orders),  # R28
        *spent(view, card),
        (Reason.CARD_HELD, card.state == "HELD"),
        (Reason.EXERCISE_DAY_OUT_OF_RANGE, out_of_range),
        (Reason.CANCELLATION_WINDOW_CLOSED, card.origin == "PURCHASE" and too_late),
        (Reason.NOT_A_PURCHASED_CARD, card.origin == "REFUND"),
    )
    amount = card.balance
    cancelled = card._replace(state="CANCELLED", balance=0)
    view.changes["card", asked.card_id] = cancelled
    return {"card": shown(cancelled), "refund": amount, "refund_currency": card.currency}


def new_card(view: View, asked: Asked, card: Card) -> Plain:
    """Put a card into the world, and return what is shown of it."""
    view.changes["card", asked.made_card] = card
    return shown(card)


def shown(card: Card) -> Plain:
    """Return what callers are shown of a card."""
    names = ("market", "currency", "state", "initial", "balance", "origin", "replaces", "expires")
    return {name: getattr(card, name) for name in names}


def come_back(view: View, asked: Asked, hold: Hold, paid: Card, amount: int) -> Plain:
    """Make a new card for money that a card had set aside or spent (R23, R27)."""
    card = paid._replace(
        state="ACTIVE",
        initial=amount,
        balance=amount,
        origin="REFUND",
        replaces=hold.card,
        # The purchase that the money came from, and the order that it came back from.
        orders=(paid.orders[0], hold.order),
        issued=view.now,
        expires=view.terms(paid.market).expiry(view.now),
        held=0,
        hold="",
    )
    return new_card(view, asked, card)
