"""From the facts of a delivery to its letter: what a message says, in no language yet."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict

from giftcard_rules.deadlines import last_day, local_day
from giftcard_rules.decisions import PersonRole
from giftcard_rules.deliveries import DeliveryKind
from giftcard_rules.ledger import PostingKind
from giftcard_server.mail.letter import Letter, ReplacementCause

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.terms import Market
    from giftcard_server.mail.addressees import Reached
    from giftcard_server.mail.letter import Shop
    from giftcard_storage.deliveries.sending import CardToSend

# Where several kinds of postings have made one replacement, the first of them is what it is for.
_CAUSES: Final = (
    (PostingKind.REFUND, ReplacementCause.REFUND),
    (PostingKind.REISSUE, ReplacementCause.REMAINDER),
    (PostingKind.RESTORE, ReplacementCause.RESTORED),
)


class _People(TypedDict):
    """What a letter says of people."""

    addressee_name: str
    purchaser_name: str
    recipient_name: str
    for_somebody_else: bool
    message: str
    named_by_other: bool
    named_by_name: str


class Sending(NamedTuple):
    """Where and when a letter is written: its market, how that presents itself, and the time."""

    market: Market
    shop: Shop
    now: datetime


def letter_of(
    kind: DeliveryKind, found: CardToSend, reached: Reached, sending: Sending, code: str | None
) -> Letter:
    """Return the letter of a delivery. `code` is None but for the kinds that carry it."""
    card, market = found.card, sending.market
    zone, bought = market.time_zone, (card, *found.chain)[-1]
    purchased_on = local_day(bought.issued_at, zone)
    expires_on = local_day(card.expires_at, zone) - timedelta(days=1)
    days = market.terms_of(bought).cancellation_days
    return Letter(
        kind=kind,
        shop=sending.shop,
        market=market.name,
        locale=reached.person.contact.locale,
        design=found.purchase.design,
        amount_minor=card.initial_minor,
        currency=card.currency,
        last4=card.last4,
        expires_on=expires_on,
        code=code,
        purchased_on=purchased_on,
        purchase_order_id=bought.purchase_order_id,
        cancel_until=last_day(purchased_on, days, market.is_working_day),
        cause=_cause_of(found),
        order_id=card.refund_order_id,
        replaced_last4=found.chain[0].last4 if found.chain else None,
        refund_amount_minor=card.initial_minor,
        payment_method=found.purchase.payment_method,
        cancelled_on=local_day(found.cancelled_at, zone) if found.cancelled_at else None,
        days_left=(expires_on - local_day(sending.now, zone)).days,
        **_people_of(found, reached),
    )


def _people_of(found: CardToSend, reached: Reached) -> _People:
    """Return what a letter says of people; who was erased has no name."""
    buyer, recipient, is_bought = reached.purchaser, reached.recipient, not found.chain
    buyers_name = buyer.contact.name if buyer else ""
    named_by_other = reached.place.role is PersonRole.RECIPIENT
    return {
        "addressee_name": reached.person.contact.name,
        "purchaser_name": buyers_name,
        "recipient_name": recipient.contact.name if recipient else "",
        "for_somebody_else": recipient is not None,
        "message": buyer.message if buyer and is_bought else "",
        "named_by_other": named_by_other,
        "named_by_name": buyers_name if named_by_other and is_bought else "",
    }


def _cause_of(found: CardToSend) -> ReplacementCause | None:
    return next((cause for kind, cause in _CAUSES if kind in found.came_by), None)
