"""Sending the message with a card's code again, on the word of Customer Service (R8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from giftcard_rules.act_commands import Resent
from giftcard_rules.cards import CardOrigin, require_unspent
from giftcard_rules.deadlines import local_day
from giftcard_rules.decisions import Decision, PersonRole
from giftcard_rules.deliveries import WITH_CODE, DeliveryKind, NewDelivery
from giftcard_rules.reasons import DeclinedError, Reason, require

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from giftcard_rules.act_commands import ResendCard
    from giftcard_rules.cards import Card
    from giftcard_rules.delivery_facts import DeliveryMade
    from giftcard_rules.terms import Market

# Of a card, on a day of its market.
RESENDS_A_DAY: Final = 3


def resend(
    command: ResendCard,
    card: Card,
    made: Collection[DeliveryMade],
    rectified_at: datetime | None,
    market: Market,
    now: datetime,
) -> Decision:
    """Make a delivery with the next number, which goes out at once.

    Where the address is corrected, the purchaser is told, or of a replacement whoever it belongs
    to, without the code, so that nobody has a card sent elsewhere unseen (R9). `rectified_at` is
    when the contact of its addressee was last replaced: the first message to it is as one to a
    corrected address, and the buyer of somebody else's card is told.
    """
    require_unspent(card, now)
    today = local_day(now, market.time_zone)
    resent = [
        each
        for each in made
        if each.resend_number
        and each.kind in WITH_CODE
        and local_day(each.created_at, market.time_zone) == today
    ]
    require(len(resent) < RESENDS_A_DAY, otherwise=Reason.RESEND_LIMIT)
    if command.unreachable is not None:
        raise DeclinedError(command.unreachable)
    is_bought = card.origin is CardOrigin.PURCHASE
    kinds = [DeliveryKind.CARD if is_bought else DeliveryKind.REPLACEMENT]
    is_new_contact = rectified_at is not None and not _went_there(made, rectified_at)
    if command.corrected_email or (is_new_contact and is_bought and _is_for_another(command)):
        kinds.append(DeliveryKind.CORRECTION)
    deliveries = tuple(
        NewDelivery(card.card_id, kind, market.name, now, _next_number(kind, made))
        for kind in kinds
    )
    is_elsewhere = bool(command.corrected_email) or is_new_contact
    outcome = Resent(card, deliveries[0], is_elsewhere=is_elsewhere)
    return Decision(outcome=outcome, deliveries=deliveries)


def _went_there(made: Collection[DeliveryMade], rectified_at: datetime) -> bool:
    """Return whether the code was sent again to a contact since it was replaced.

    A message of the same instant may have been made before: it does not count.
    """
    return any(
        each.resend_number
        and each.kind in WITH_CODE
        and not each.has_own_address
        and each.created_at > rectified_at
        for each in made
    )


def _is_for_another(command: ResendCard) -> bool:
    """Return whether the addressee is somebody else than the buyer, who thus can be told."""
    return command.addressee is not None and command.addressee.role is PersonRole.RECIPIENT


def _next_number(kind: DeliveryKind, made: Collection[DeliveryMade]) -> int:
    return 1 + max((each.resend_number for each in made if each.kind is kind), default=0)
