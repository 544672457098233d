"""What each kind of letter says, by the terms of the gift card, in French."""

from __future__ import annotations

from typing import Any, Final

import pytest

from giftcard_rules.deliveries import DeliveryKind
from giftcard_server.mail.made_up import CODE, SHOP, VARIANTS, made_up
from given.mail.read_letters import plain, said

CARD: Final = DeliveryKind.CARD

# A letter, and what its text says.
SAYS: Final[dict[str, tuple[DeliveryKind, dict[str, Any], tuple[str, ...]]]] = {
    "R8 the card has its code, amount and last day": (
        CARD,
        {},
        (CODE, "50,00 €", "jusqu’au 28 février 2027 inclus", "à utiliser sur shop.example"),
    ),
    "§3 the card is used by typing its code, once, and what is left is lost (R11, R14)": (
        CARD,
        {},
        (
            "« Ajouter un code promo ou une carte cadeau »",
            "à usage unique",
            "ne pourra pas être remboursé, recrédité ou réutilisé",
            "En cas de perte ou de vol",
            "n’est cumulable ni avec d’autres réductions",
        ),
    ),
    "GDPR art. 14: who named the recipient, why, and where to exercise rights": (
        CARD,
        {},
        (
            "Camille Martin a acheté cette carte cadeau pour vous",
            "nous a communiqué pour cela votre nom et votre adresse e-mail",
            "droit d’accès, de rectification, de limitation",
            f"contactez Maison Exemple : {SHOP.privacy_contact}",
            "CNIL",
        ),
    ),
    "a buyer who keeps the card was named by nobody": (
        CARD,
        {"named_by_other": False},
        ("la transmettre à la personne de votre choix", "parce que vous avez acheté"),
    ),
    "R9 the confirmation has everything but the code": (
        DeliveryKind.CONFIRMATION,
        {},
        (
            "Numéro de commande : C-2026-004217",
            "Date d’achat : 31 août 2026",
            "Montant : 50,00 €",
            "Visuel : Anniversaire",
            "Plateforme : shop.example",
            "Quatre derniers caractères du code : VSEX",
            "Valable jusqu’au : 28 février 2027",
            "Annulation possible jusqu’au : 14 septembre 2026",
        ),
    ),
    "R28 a buyer without the code cancels with the order number": (
        DeliveryKind.CONFIRMATION,
        {},
        ("Vous n’avez pas besoin du code", "commande C-2026-004217", SHOP.support_contact),
    ),
    "R28 a buyer with the code cancels with both": (
        DeliveryKind.CONFIRMATION,
        {"for_somebody_else": False},
        ("commande C-2026-004217 ainsi que le code de la carte",),
    ),
    "R23 what comes back from a return is a new card": (
        DeliveryKind.REPLACEMENT,
        {},
        (CODE, "La commande C-2026-009951 est remboursée", "avec un code différent"),
    ),
    "R27 what was not captured comes back": (
        DeliveryKind.REPLACEMENT,
        VARIANTS[DeliveryKind.REPLACEMENT][1],
        ("a coûté moins", "La différence revient"),
    ),
    "R25 a replacement was not bought, so that there is nothing to cancel": (
        DeliveryKind.REPLACEMENT,
        {},
        ("il n’y a pas d’achat à annuler",),
    ),
    "R29 what is paid back, and how": (
        DeliveryKind.CANCELLATION,
        {"refund_amount_minor": 49_99},
        ("Nous vous remboursons 49,99 € sur votre carte bancaire", "3 septembre 2026"),
    ),
    "R9 the card went to a corrected address": (
        DeliveryKind.CORRECTION,
        {},
        ("à l’adresse corrigée", "VSEX", "Contactez sans attendre", "elle peut être bloquée"),
    ),
    "R12 how many days are left": (
        DeliveryKind.REMINDER,
        {},
        ("expire dans 14 jours", "VSEX"),
    ),
}


@pytest.mark.parametrize(("kind", "changes", "sentences"), SAYS.values(), ids=SAYS)
def test_a_letter_says(
    kind: DeliveryKind, changes: dict[str, Any], sentences: tuple[str, ...]
) -> None:
    text = said(made_up(kind, **changes))
    assert [each for each in sentences if plain(each) not in text] == []
