"""What sentences may be made of: the facts of a letter, as words in a language."""

from __future__ import annotations

import datetime as dt
from typing import Final
from urllib.parse import urlsplit

from babel import Locale

from giftcard_rules.deliveries import DeliveryKind
from giftcard_server.mail.letter import Letter, Shop
from giftcard_server.mail.wording.amounts_and_days import amount_text, day_text
from giftcard_server.mail.wording.languages import EVERY_LETTER, Language
from giftcard_server.mail.wording.typed_text import isolated, one_line, short_name

# The fields without which a kind of letter says nothing sensible.
NEEDED: Final[dict[DeliveryKind, tuple[str, ...]]] = {
    DeliveryKind.CARD: ("code",),
    DeliveryKind.CONFIRMATION: ("purchased_on", "purchase_order_id", "cancel_until"),
    DeliveryKind.REPLACEMENT: ("code", "cause"),
    DeliveryKind.CANCELLATION: ("purchase_order_id", "refund_amount_minor", "payment_method"),
    DeliveryKind.REMINDER: ("days_left",),
    DeliveryKind.CORRECTION: (),
}

# The rows of the table in each kind of letter, by the names of their values and labels. A row
# whose value is empty is left out.
FACTS: Final[dict[DeliveryKind, tuple[str, ...]]] = {
    DeliveryKind.CARD: ("amount", "expires_on", "platform"),
    DeliveryKind.CONFIRMATION: (
        "purchase_order_id",
        "purchased_on",
        "amount",
        "design_name",
        "platform",
        "last4",
        "expires_on",
        "recipient",
        "deliver_on",
        "cancel_until",
    ),
    DeliveryKind.REPLACEMENT: ("amount", "expires_on", "platform", "order_id", "replaced_last4"),
    DeliveryKind.CANCELLATION: (
        "purchase_order_id",
        "amount",
        "last4",
        "cancelled_on",
        "refund_amount",
        "payment_method",
    ),
    DeliveryKind.REMINDER: ("amount", "last4", "expires_on", "platform"),
    DeliveryKind.CORRECTION: ("amount", "last4", "expires_on"),
}


def values_of(letter: Letter, language: Language, locale: Locale) -> dict[str, object]:
    """Return every value that a sentence may use. Absent ones are empty texts.

    Names and ids are isolated lines; `*_short` names are for subjects. The code is not among
    them, so that no sentence can quote it.
    """
    values: dict[str, object] = {
        "kind": letter.kind.value,
        "shop": letter.shop.name,
        "platform": platform_of(letter.shop),
        "support_contact": letter.shop.support_contact,
        "privacy_contact": letter.shop.privacy_contact,
        "amount": amount_text(letter.amount_minor, letter.currency, locale),
        "last4": letter.last4,
        "cause": letter.cause.value if letter.cause else "",
        "days_left": letter.days_left,
        "for_somebody_else": letter.for_somebody_else,
        "named_by_other": letter.named_by_other,
        "replaced_last4": letter.replaced_last4 or "",
        **_days(letter, locale, language.words.get("first", "1")),
        **_typed(letter),
        **_from_words(letter, language),
    }
    refund = letter.refund_amount_minor
    values["refund_amount"] = "" if refund is None else amount_text(refund, letter.currency, locale)
    values["support"] = language.sentence(EVERY_LETTER, "support", values)
    return values


def platform_of(shop: Shop) -> str:
    """Return where the card can be used, in words: the host of the shop, or its name (R7)."""
    return urlsplit(shop.website).hostname or shop.name


def _days(letter: Letter, locale: Locale, first: str) -> dict[str, object]:
    days: dict[str, dt.date | None] = {
        "expires_on": letter.expires_on,
        "purchased_on": letter.purchased_on,
        "cancel_until": letter.cancel_until,
        "cancelled_on": letter.cancelled_on,
        "deliver_on": letter.deliver_on,
    }
    return {name: day_text(day, locale, first) if day else "" for name, day in days.items()}


def _typed(letter: Letter) -> dict[str, object]:
    """Return the names and ids that others typed."""
    purchaser = one_line(letter.purchaser_name)
    typed = {
        "addressee": one_line(letter.addressee_name),
        "purchaser": purchaser,
        "recipient": one_line(letter.recipient_name) if letter.for_somebody_else else "",
        "named_by": one_line(letter.named_by_name),
        "purchase_order_id": one_line(letter.purchase_order_id or ""),
        "order_id": one_line(letter.order_id or ""),
    }
    return {
        **{name: isolated(text) if text else "" for name, text in typed.items()},
        "purchaser_short": short_name(purchaser),
    }


def _from_words(letter: Letter, language: Language) -> dict[str, object]:
    words = language.words
    method = letter.payment_method
    # What comes back from an order is no occasion to wish a happy birthday.
    occasion = "other" if letter.kind is DeliveryKind.REPLACEMENT else letter.design
    return {
        "design_name": words["designs"].get(letter.design, letter.design),
        "occasion": words["occasions"].get(occasion, words["occasions"]["other"]),
        "payment_method": words["payment_methods"][method.value] if method else "",
    }
