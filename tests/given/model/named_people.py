"""The people whom random wishes name, few enough that each is on many cards."""

from typing import Any

from giftcard_rules.commands import Contact
from given.made_facts import BUYER, FRIEND, SHOPPER

PEOPLE = (BUYER, FRIEND, SHOPPER)
MOVED = Contact("Dora", "dora@example.com", "de-DE")
EMAILS = sorted(each.email for each in (*PEOPLE, MOVED))


def people_of_purchase(number: int) -> dict[str, Any]:
    """Return the buyer of a purchase, and its recipient, whom every other one has."""
    recipient = None if number % 2 else PEOPLE[number // 2 % 3]
    return {"purchaser": PEOPLE[number % 3], "recipient": recipient}


def beneficiary_of(number: int) -> Contact | None:
    """Return the beneficiary of a refund, whom every third one has."""
    return None if number % 3 else BUYER
