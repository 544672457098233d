"""What an audit finds: differences, and the money that moved."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from giftcard_rules.ledger import PostingKind
from giftcard_storage.walks.relations import sliced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from peewee import Database

    from giftcard_storage.walks.relations import Range

# So many differences of one invariant are listed; a defect can break every card.
LISTED: Final = 20

LIABILITY: Final = "liability_is_what_came_in_less_what_went_out"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that breaks an invariant. `in_all` counts all of them, listed or not.

    `subject` is the card, authorization, posting, order, purchase or request that is wrong,
    or the market and currency. No field holds a person or a code.
    """

    invariant: str
    subject: str
    expected: str
    found: str
    in_all: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The money that moved on all cards of one market, in minor units of one currency.

    `reissued_minor` went to new cards as refunds (R23), `restored_minor` as what captures had
    lost (R39); `reinstated_minor` is what undone expiries gave back, so that the forfeited and
    the expired amounts are gross. The rest of a partial capture moves from one card to another
    (R27), so it is in none of these sums. `refunds_paid_minor` is what the payment provider has
    paid of the cancelled amount, which changes nothing that is outstanding. `carried_minor` is
    what came to cards by R27 less what left others by it: 0 in one state of the database. Where
    cards were looked at one after the other, such money may be seen at both cards or at none.
    """

    market: str
    currency: str
    issued_minor: int
    reissued_minor: int
    restored_minor: int
    reinstated_minor: int
    captured_minor: int
    forfeited_minor: int
    expired_minor: int
    cancelled_minor: int
    charged_back_minor: int
    refunds_paid_minor: int
    outstanding_minor: int
    carried_minor: int = 0

    @property
    def owed_minor(self) -> int:
        """The amount that must be outstanding by all that moved, from an opening balance of 0."""
        came_in = self.issued_minor + self.reissued_minor + self.carried_minor
        came_back = self.restored_minor + self.reinstated_minor
        went_out = self.captured_minor + self.forfeited_minor + self.expired_minor
        return came_in + came_back - went_out - self.cancelled_minor - self.charged_back_minor


# What moved on cards themselves, and what came to replacements from the cards that they replace:
# it counts where it came to, so that both sides of each card agree in any snapshot, whichever other
# cards are in it. Grouped by few values, as a group for each card takes three times as long.
_OWN: Final = """
    SELECT c.market, c.currency, p.kind, SUM(p.amount_minor)
    FROM {card} c JOIN posting p ON p.card_id = c.card_id
    GROUP BY c.market, c.currency, p.kind
"""
_CAME: Final = """
    SELECT c.market, c.currency, p.kind, SUM(p.amount_minor)
    FROM {card} c JOIN posting p ON p.card_id = c.replaces_card_id AND p.to_card_id = c.card_id
    GROUP BY c.market, c.currency, p.kind
"""
_OUTSTANDING: Final = """
    SELECT c.market, c.currency, SUM(c.balance_minor + c.held_minor)
    FROM {card} c GROUP BY c.market, c.currency
"""


def totals_within(database: Database, keys: Range) -> list[Totals]:
    """Return what moved on the cards of a slice, in the snapshot that is open."""

    def found(statement: str) -> dict[tuple[str, ...], int]:
        rows = database.execute_sql(*sliced(statement, keys, database.param)).fetchall()
        # The sum of integers is a Decimal on PostgreSQL.
        return {tuple(key): int(amount) for *key, amount in rows}

    own, came = found(_OWN), found(_CAME)
    return [
        _totals_of(market, outstanding, own, came)
        for market, outstanding in found(_OUTSTANDING).items()
    ]


def _totals_of(
    market: tuple[str, ...],
    outstanding_minor: int,
    own: Mapping[tuple[str, ...], int],
    came: Mapping[tuple[str, ...], int],
) -> Totals:
    """Return the totals of a market and currency, of sums by market, currency and kind."""

    def of(kind: PostingKind, sums: Mapping[tuple[str, ...], int] = own) -> int:
        return sums.get((*market, kind.value), 0)

    name, currency = market
    return Totals(
        name,
        currency,
        issued_minor=of(PostingKind.ISSUE),
        reissued_minor=of(PostingKind.REFUND, came),
        restored_minor=of(PostingKind.RESTORE, came),
        reinstated_minor=of(PostingKind.REINSTATE),
        captured_minor=of(PostingKind.CAPTURE),
        forfeited_minor=of(PostingKind.FORFEIT),
        expired_minor=of(PostingKind.EXPIRE),
        cancelled_minor=of(PostingKind.CANCEL),
        charged_back_minor=of(PostingKind.CHARGE_BACK),
        refunds_paid_minor=of(PostingKind.REFUND_PAID),
        outstanding_minor=outstanding_minor,
        carried_minor=of(PostingKind.REISSUE, came) - of(PostingKind.REISSUE),
    )


def added(all_totals: Iterable[Totals]) -> list[Totals]:
    """Return the totals of several slices as one for each market, sorted."""
    sums: dict[tuple[str, str], list[int]] = {}
    for each in all_totals:
        market, currency, *amounts = dataclasses.astuple(each)
        former = sums.get((market, currency), [0] * len(amounts))
        sums[market, currency] = [a + b for a, b in zip(former, amounts, strict=True)]
    return [Totals(*key, *amounts) for key, amounts in sorted(sums.items())]


def liability_differences(all_totals: Iterable[Totals]) -> list[Difference]:
    """Return the markets in which what is outstanding is not what is owed."""
    return [
        Difference(
            LIABILITY,
            f"{each.market} {each.currency}",
            str(each.owed_minor),
            str(each.outstanding_minor),
            1,
        )
        for each in all_totals
        if each.owed_minor != each.outstanding_minor
    ]


class Collected:
    """The differences of many slices: all are counted, and some of each invariant are kept."""

    def __init__(self) -> None:
        self._kept: dict[str, list[Difference]] = {}
        self._counts: dict[str, int] = {}

    def add(self, differences: Sequence[Difference]) -> None:
        """Add those of a slice, where `in_all` counts the slice's own."""
        counts = {each.invariant: each.in_all for each in differences}
        for invariant, count in counts.items():
            self._counts[invariant] = self._counts.get(invariant, 0) + count
        for each in differences:
            kept = self._kept.setdefault(each.invariant, [])
            if len(kept) < LISTED:
                kept.append(each)

    def listed(self, order: Iterable[str]) -> list[Difference]:
        """Return the kept ones by invariant in this order, where `in_all` counts all slices'."""
        return [
            dataclasses.replace(each, in_all=self._counts[invariant])
            for invariant in order
            for each in self._kept.get(invariant, [])
        ]
