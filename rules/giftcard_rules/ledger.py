"""Money moves. If a movement is not in the table below, it cannot happen."""

from __future__ import annotations

import enum
from typing import Final, NamedTuple


class Account(enum.Enum):
    """Where money can be. CARD, HELD and SETTLED exist for each card."""

    PAYMENTS = "PAYMENTS"  # Paid by buyers for cards.
    CARD = "CARD"  # On a card, and free to be set aside.
    HELD = "HELD"  # Set aside for an open order.
    SETTLED = "SETTLED"  # Paid by a card; may come back as a refund.
    BREAKAGE = "BREAKAGE"  # Lost: forfeited (R14) or expired (R12).
    REFUNDS_DUE = "REFUNDS_DUE"  # To be paid back by the payment provider (R29).
    CHARGEBACK = "CHARGEBACK"  # Taken back by buyers' banks for cards (R37).


class PostingKind(enum.Enum):
    """Why money moved."""

    ISSUE = "ISSUE"
    AUTHORIZE = "AUTHORIZE"
    CAPTURE = "CAPTURE"
    REISSUE = "REISSUE"
    FORFEIT = "FORFEIT"
    RELEASE = "RELEASE"
    LAPSE = "LAPSE"
    REFUND = "REFUND"
    CANCEL = "CANCEL"
    EXPIRE = "EXPIRE"
    REINSTATE = "REINSTATE"
    REHOLD = "REHOLD"
    RESTORE = "RESTORE"
    CHARGE_BACK = "CHARGE_BACK"
    REFUND_PAID = "REFUND_PAID"

    # By identity, as they are equal: Enum's own is in Python, and costs ten times as much.
    __hash__ = object.__hash__


# Each kind of posting leads from a source to a destination.
MOVES: Final = {
    PostingKind.ISSUE: (Account.PAYMENTS, Account.CARD),
    PostingKind.AUTHORIZE: (Account.CARD, Account.HELD),
    PostingKind.CAPTURE: (Account.HELD, Account.SETTLED),
    PostingKind.REISSUE: (Account.HELD, Account.CARD),  # to another card (R27)
    PostingKind.FORFEIT: (Account.CARD, Account.BREAKAGE),  # R14
    PostingKind.RELEASE: (Account.HELD, Account.CARD),
    PostingKind.LAPSE: (Account.HELD, Account.CARD),  # R34
    PostingKind.REFUND: (Account.SETTLED, Account.CARD),  # to another card (R23)
    PostingKind.CANCEL: (Account.CARD, Account.REFUNDS_DUE),  # R29
    PostingKind.EXPIRE: (Account.CARD, Account.BREAKAGE),  # R12
    PostingKind.REINSTATE: (Account.BREAKAGE, Account.CARD),  # undoes EXPIRE
    PostingKind.REHOLD: (Account.CARD, Account.HELD),  # undoes LAPSE
    PostingKind.RESTORE: (Account.BREAKAGE, Account.CARD),  # to another card (R39)
    PostingKind.CHARGE_BACK: (Account.CARD, Account.CHARGEBACK),  # R37
    PostingKind.REFUND_PAID: (Account.REFUNDS_DUE, Account.PAYMENTS),  # R29
}
assert set(MOVES) == set(PostingKind)

# The kinds whose destination is the CARD account of a new card.
TO_ANOTHER_CARD: Final = frozenset({PostingKind.REISSUE, PostingKind.REFUND, PostingKind.RESTORE})


class Posting(NamedTuple):
    """One movement of money, more than zero minor units of the card's currency.

    `card_id` is the card whose account is the source (for ISSUE, the destination).
    `to_card_id` is the card whose account is the destination, where that is another card.
    """

    kind: PostingKind
    card_id: str
    amount_minor: int
    authorization_id: str | None = None
    to_card_id: str | None = None
