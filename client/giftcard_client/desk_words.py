"""The words of desks: on which ground somebody acts, and which person of a card is meant."""

from enum import StrEnum


class Ground(StrEnum):
    """Why somebody acts."""

    CUSTOMER_REQUEST = "CUSTOMER_REQUEST"
    FRAUD = "FRAUD"
    CHARGEBACK = "CHARGEBACK"
    MISTAKE = "MISTAKE"
    LEGAL = "LEGAL"
    OTHER = "OTHER"


class PersonRole(StrEnum):
    """The part that a person plays for a card."""

    PURCHASER = "PURCHASER"
    RECIPIENT = "RECIPIENT"
    CUSTOMER = "CUSTOMER"
