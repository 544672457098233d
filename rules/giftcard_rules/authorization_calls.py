"""What callers ask of authorizations beside paying and giving back, and the answers, as values.

Amounts are minor units of `currency`; instants are aware and UTC; ids are text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from giftcard_rules.cards import Authorization, Card
    from giftcard_rules.commands import RequestKey, Reverse, ReverseOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendAuthorization:
    """Hold longer: from now on for `hold_for`, up to the longest hold of the chain (R35)."""

    key: RequestKey
    authorization_id: str
    hold_for: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class GetAuthorization:
    """Show an authorization, named by itself or by the Authorize that asked for it.

    `authorize` has a key for each name that the caller has or had, the present one first.
    """

    authorization_id: str | None = None
    authorize: tuple[RequestKey, ...] = ()


@dataclass(frozen=True, slots=True)
class ListAuthorizations:
    """Show the authorizations of one page, in this order."""

    authorization_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PreviewReverse:
    """Say what a Reverse would answer; its request id and its new card are of no account."""

    reverse: Reverse


# The calls that change nothing.
Query = GetAuthorization | ListAuthorizations | PreviewReverse


@dataclass(frozen=True, slots=True)
class Extended:
    """Money stays set aside for longer, or for as long as it was before."""

    authorization: Authorization


@dataclass(frozen=True, slots=True)
class Shown:
    """An authorization as it is now, and the cards that came out of it, oldest first."""

    authorization: Authorization
    replacements: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """Authorizations as they are now."""

    authorizations: tuple[Authorization, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Previewed:
    """What a Reverse would answer; `currency` None: it would prevent an Authorize (R36).

    `deadline` is the first instant at which this change of mind would be too late (R21), None
    where there is no such limit.
    """

    outcome: ReverseOutcome
    currency: str | None = None
    gift_card_minor: int = 0
    other_tender_minor: int = 0
    restored_minor: int = 0
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class CardsShown:
    """Cards and authorizations as they are now; those that do not exist are left out."""

    cards: tuple[Card, ...]
    authorizations: tuple[Authorization, ...] = ()


QueryResult = Shown | Listed | Previewed | CardsShown
