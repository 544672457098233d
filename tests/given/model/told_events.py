"""What events have to tell if the plain model is right."""

from collections import Counter

from giftcard_rules.events import EventType
from given.model.plain_books import PlainBooks
from given.model.plain_terms import Facts
from given.owed import SIGN


def assert_told(told: list[Facts], cards: list[Facts], model: PlainBooks) -> None:
    """Hold rows of events against the model, and against what the stored `cards` are worth."""
    sums: Counter[tuple[str, str]] = Counter()
    for event in told:
        sums[event["authorization_id"] or "", event["type"]] += event["amount_minor"] or 0
    for id_, hold in model.holds.items():
        assert sums[id_, "CARD_REDEEMED"] == hold["captured"]
        assert sums[id_, "ORDER_REFUNDED"] == hold["to_cards"]
    issued = {event["card_id"] for event in told if event["type"] == "CARD_ISSUED"}
    assert issued == model.cards.keys()
    worth = sum(card["balance_minor"] + card["held_minor"] for card in cards)
    assert worth == sum(map(_owed_after, told))


def _owed_after(event: Facts) -> int:
    """Return what an event adds to the liability, as `docs/events.md` says."""
    if event["type"] == "CARD_ISSUED" and event["related_card_id"] is not None:
        return 0
    amounts = ("amount_minor", "forfeited_minor", "restored_minor")
    moved: int = sum(event[name] or 0 for name in amounts)
    return SIGN.get(EventType(event["type"]), 0) * moved
