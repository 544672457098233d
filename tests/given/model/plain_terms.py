"""The numbers and the days of the terms, written once more, without the rules."""

from datetime import date, datetime, timedelta
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from giftcard_client.histories.model.terms import midnight_after, months_after
from giftcard_rules.commands import Money
from given.made_facts import is_working_day

Facts = dict[str, Any]

MARKETS = {
    "fr": ("EUR", ZoneInfo("Europe/Paris")),
    "be": ("EUR", ZoneInfo("Europe/Brussels")),
    "ch": ("CHF", ZoneInfo("Europe/Zurich")),
}

# What is dated (R38): of cards that were sold before the day, and of those sold later in Belgium.
EARLIER: Facts = {
    "amounts": (20_00, 500_00),
    "months": 6,
    "cancel_days": 14,
    "return_days": 30,
    "not_paid": {"insurance", "mobile_plan"},
    "restores": False,
}
NEW_DAY = ("be", date(2027, 1, 1))
LATER: Facts = {
    "amounts": (10_00, 300_00),
    "months": 12,
    "cancel_days": 20,
    "return_days": 40,
    "not_paid": {"insurance", "delivery"},
    "restores": True,
}


def terms_at(market: str, now: datetime) -> Facts:
    """Return the terms that a card sold now lives under."""
    changed_in, day = NEW_DAY
    is_new = market == changed_in and now.astimezone(MARKETS[market][1]).date() >= day
    return LATER if is_new else EARLIER


class ModelDeclinedError(Exception):
    """The model declines, for a reason; some come with an instant that a caller may act on."""

    def __init__(self, reason: str, **instants: datetime) -> None:
        super().__init__(reason)
        self.answer: Facts = {"declined": reason, **instants}


def decline(reason: str, **instants: datetime) -> NoReturn:
    """Decline for a reason."""
    raise ModelDeclinedError(reason, **instants)


def decline_while_held(hold: Facts | None, order_id: str | None = None) -> None:
    """Decline a card that is set aside, unless for this order (R28, R35)."""
    if hold is not None and hold["order_id"] != order_id:
        decline("CARD_HELD", hold_expire_time=hold["expires_at"])


def decline_where(*checks: tuple[str, bool]) -> None:
    """Decline for the first reason that applies."""
    for reason, applies in checks:
        if applies:
            decline(reason)


def expiry_of(sold_at: datetime, months: int, market: str) -> datetime:
    """Return the instant at which a card expires (R12)."""
    return months_after(sold_at, months, MARKETS[market][1])


def too_late(start: date, days: int, zone: ZoneInfo) -> datetime:
    """Return the instant at which a period of days is over (R21, R25)."""
    last = start + timedelta(days=days)
    while not is_working_day(last):
        last += timedelta(days=1)
    return midnight_after(last, zone)


def pass_time(cards: dict[str, Facts], holds: dict[str, Facts], now: datetime) -> None:
    """Let holds lapse (R34), and cards that are not held expire (R12, R33)."""
    for hold in holds.values():
        if hold["state"] == "OPEN" and now >= hold["expires_at"]:
            give_back(cards[hold["card_id"]], hold, "LAPSED")
    for card in cards.values():
        # A block keeps what it found beyond its expiry, held, until it ends (R37).
        kept = card.get("blocked_at") is not None and card["blocked_at"] >= card["expires_at"]
        if card["state"] == "ACTIVE" and now >= card["expires_at"] and not kept:
            card |= {"state": "EXPIRED", "balance": 0}


def give_back(card: Facts, hold: Facts, becomes: str) -> None:
    """Close a hold, and give its money back to the card."""
    hold["state"] = becomes
    card |= {"state": "ACTIVE", "balance": card["balance"] + card["held"], "held": 0, "hold": None}


def spent(card: Facts, now: datetime) -> list[tuple[str, bool]]:
    """Return the reasons why a card cannot be used, in order of precedence, and if they apply."""
    return [
        ("CARD_BLOCKED", card["blocked"]),  # R37
        ("CARD_CANCELLED", card["state"] == "CANCELLED"),
        ("CARD_REDEEMED", card["state"] == "REDEEMED"),
        # Also while it is held: its hold can be captured, and nothing else (R33).
        ("CARD_EXPIRED", card["state"] == "EXPIRED" or now >= card["expires_at"]),
    ]


def in_other_currency(amount: Money | None, hold: Facts) -> bool:
    """Return whether there is an amount, and in another currency than a hold."""
    return amount is not None and amount.currency != hold["currency"]


def cancellable_until(card: Facts) -> datetime:
    """Return the instant from which a card's purchase cannot be cancelled any more (R25)."""
    zone = MARKETS[card["market"]][1]
    return too_late(card["issued_at"].astimezone(zone).date(), card["terms"]["cancel_days"], zone)


def the_day_that_counts(on: date | None, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the last instant at which a right was exercised on a day, or now (R21, R25)."""
    return now if on is None else midnight_after(on, zone) - timedelta(microseconds=1)


def cannot_be(on: date | None, thing: Facts, now: datetime) -> bool:
    """Return whether a day is before that of a hold or a card, or after today in its market."""
    zone = MARKETS[thing["market"]][1]
    began = thing.get("created_at", thing.get("issued_at"))
    assert began is not None
    return on is not None and not began.astimezone(zone).date() <= on <= now.astimezone(zone).date()
