"""The e-mails that the people of a card get: their kinds."""

from __future__ import annotations

import enum


class DeliveryKind(enum.Enum):
    """What an e-mail is for. The values stand in the database and on the command line."""

    CARD = "card"  # R8: the card with its code, to its recipient or to the buyer
    CONFIRMATION = "confirmation"  # R9: all details of the purchase but the code, to the buyer
    REPLACEMENT = "replacement"  # R23, R27, R39: a new card with its code
    CANCELLATION = "cancellation"  # R25, R29: the purchase was cancelled; what is paid back how
    REMINDER = "reminder"  # R12: the card is going to expire
