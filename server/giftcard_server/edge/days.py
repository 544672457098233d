"""Reads the days that requests name: of deliveries, and on which a right was exercised."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from giftcard_rules.commands import ReverseReason
from giftcard_rules.deadlines import delivery_days

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard.v1 import gift_card_service_pb2 as pb
    from giftcard.v1 import support_service_pb2 as support_pb
    from giftcard_rules.terms import Market
    from giftcard_server.edge.fields import Fields

# Somewhere on Earth it is already tomorrow.
_AHEAD_OF_UTC: Final = timedelta(hours=14)


def delivery(
    fields: Fields, message: pb.ReverseRequest, reason: ReverseReason | None, now: datetime
) -> date | None:
    """Read the day of delivery, which a change of mind needs, unless it came before it (R21)."""
    if message.HasField("delivered_on"):
        if message.before_delivery:
            fields.wrong("before_delivery", "must not be set together with delivered_on")
        latest = (now + _AHEAD_OF_UTC).date()
        return fields.day(message.delivered_on, "delivered_on", latest)
    if reason is ReverseReason.CHANGE_OF_MIND and not message.before_delivery:
        fields.wrong("delivered_on", "or before_delivery is required for a change of mind")
    return None


def exercised_on(
    fields: Fields,
    message: pb.ReverseRequest | pb.CancelRequest | support_pb.CancelPurchaseRequest,
    now: datetime,
) -> date | None:
    """Read the day on which a right was exercised, at most tomorrow anywhere on Earth.

    The rules decline one that is too early (EXERCISE_DAY_OUT_OF_RANGE).
    """
    if not message.HasField("exercised_on"):
        return None
    tomorrow = (now + _AHEAD_OF_UTC).date() + timedelta(days=1)
    return fields.day(message.exercised_on, "exercised_on", tomorrow, "tomorrow", date.min)


def delivery_day(
    fields: Fields, message: pb.IssueRequest, market: Market | None, now: datetime
) -> date | None:
    """Read the day on whose morning a card is mailed (R8); None: at once.

    Which days there are depends on today, and on the terms of the market.
    """
    if not message.HasField("deliver_on"):
        return None
    violations = len(fields.violations)
    day = fields.day(message.deliver_on, "deliver_on", date.max, earliest=date.min)
    if market is not None and len(fields.violations) == violations:
        months = market.terms_at(now).validity_months
        first, last = delivery_days(now, months, market.time_zone)
        if not first <= day <= last:
            fields.wrong_today("deliver_on", f"must be from {first} to {last}")
    return day
