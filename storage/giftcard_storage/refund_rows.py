"""Refunds due and their confirmations as rows; columns are in the order of the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftcard_rules.refund_commands import RefundDue
from giftcard_storage.rows import instant, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from giftcard_rules.decisions import Decision
    from giftcard_storage.rows import Found, Row


def refund_due_of(row: Found) -> RefundDue:
    """Return the refund due of a row."""
    return RefundDue(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        instant(row[7]),
        None if row[8] is None else instant(row[8]),
        row[9],
    )


def confirmation_rows(decisions: Iterable[Decision]) -> list[Row]:
    """Return the confirmations of decisions as rows."""
    confirmations = (each.confirmation for each in decisions if each.confirmation is not None)
    return [(*each[:4], microseconds(each.confirmed_at)) for each in confirmations]
