"""Made-up letters of every kind: for previews, screenshots and the check of templates."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from giftcard_rules.commands import PaymentMethod
from giftcard_rules.deliveries import WITH_CODE, DeliveryKind
from giftcard_server.mail.letter import Letter, ReplacementCause, Shop

SHOP: Final = Shop(
    name="Maison Exemple",
    privacy_contact="donnees@shop.example, 1 rue de l’Exemple, 75000 Paris",
    support_contact="https://shop.example/contact",
    website="https://shop.example",
)
# Not the code of any card: its check character is wrong.
CODE: Final = "EXEM-P1ED-0N0T-VSEX"
MESSAGE: Final = {
    "fr": (
        "Chère Léa,\n\nje sais que ton téléphone a rendu l’âme : voici de quoi en choisir un"
        " autre, reconditionné comme tu les aimes. 🎁\n\nJe t’embrasse, Camille"
    ),
    "en": (
        "Dear Léa,\n\nI know that your phone has given up: here is something towards the next"
        " one, refurbished as you like them. 🎁\n\nLove, Camille"
    ),
}

_COMMON: Final[dict[str, Any]] = {
    "market": "fr",
    "amount_minor": 50_00,
    "currency": "EUR",
    "last4": CODE[-4:],
    "expires_on": date(2027, 2, 28),
    "purchased_on": date(2026, 8, 31),
    "purchase_order_id": "C-2026-004217",
    "purchaser_name": "Camille Martin",
}
_OF_KIND: Final[dict[DeliveryKind, dict[str, Any]]] = {
    DeliveryKind.CARD: {
        "addressee_name": "Léa Dubois",
        "named_by_other": True,
        "named_by_name": "Camille Martin",
    },
    DeliveryKind.CONFIRMATION: {
        "addressee_name": "Camille Martin",
        "recipient_name": "Léa Dubois",
        "for_somebody_else": True,
        "cancel_until": date(2026, 9, 14),
    },
    DeliveryKind.REPLACEMENT: {
        "addressee_name": "Léa Dubois",
        "cause": ReplacementCause.REFUND,
        "order_id": "C-2026-009951",
        "replaced_last4": "7Q2M",
    },
    DeliveryKind.CANCELLATION: {
        "addressee_name": "Camille Martin",
        "for_somebody_else": True,
        "cancelled_on": date(2026, 9, 3),
        "refund_amount_minor": 50_00,
        "payment_method": PaymentMethod.BANK_CARD,
    },
    DeliveryKind.REMINDER: {
        "addressee_name": "Léa Dubois",
        "named_by_other": True,
        "named_by_name": "Camille Martin",
        "days_left": 14,
    },
    DeliveryKind.CORRECTION: {"addressee_name": "Camille Martin"},
}

# What else a letter of each kind can be: fields that differ from the made-up one. Between them,
# every sentence of the templates is said.
VARIANTS: Final[dict[DeliveryKind, tuple[dict[str, Any], ...]]] = {
    DeliveryKind.CARD: (
        {},
        {"purchaser_name": "", "named_by_name": "", "addressee_name": ""},
        {"named_by_other": False, "addressee_name": "Camille Martin"},
    ),
    DeliveryKind.CONFIRMATION: (
        {},
        {"deliver_on": date(2026, 12, 24)},
        {"recipient_name": ""},
        {"for_somebody_else": False},
        {"for_somebody_else": False, "deliver_on": date(2026, 12, 24)},
    ),
    DeliveryKind.REPLACEMENT: (
        {},
        {"cause": ReplacementCause.REMAINDER},
        {"cause": ReplacementCause.RESTORED, "order_id": None},
        {"named_by_other": True, "named_by_name": ""},
    ),
    DeliveryKind.CANCELLATION: ({}, {"for_somebody_else": False}),
    DeliveryKind.CORRECTION: ({}, {"named_by_other": True, "named_by_name": ""}),
    DeliveryKind.REMINDER: ({}, {"days_left": 1, "named_by_other": False}, {"days_left": 0}),
}


def made_up(
    kind: DeliveryKind,
    *,
    locale: str = "fr",
    design: str = "birthday",
    **changes: Any,  # noqa: ANN401 - any field of a letter
) -> Letter:
    """Return a letter of a kind with nobody's data; `changes` are fields that differ from it."""
    fields: dict[str, Any] = {
        "kind": kind,
        "shop": SHOP,
        "locale": locale,
        "design": design,
        "code": CODE if kind in WITH_CODE else None,
        "message": MESSAGE.get(locale[:2], MESSAGE["en"]) if kind is DeliveryKind.CARD else "",
    }
    return Letter(**{**_COMMON, **fields, **_OF_KIND[kind], **changes})
