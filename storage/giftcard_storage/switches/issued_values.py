"""What each caller has issued of late, as rows: rules hold it against the ceiling of the market."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from giftcard_rules.ceilings import HOUR, IssuedValue, within_the_hour
from giftcard_storage.errors import translated
from giftcard_storage.rows import Row, instant, microseconds
from giftcard_storage.switches import tables
from giftcard_storage.transactions import reading, writing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from peewee import Database

    from giftcard_rules.decisions import Decision
    from giftcard_storage.rows import Found

# Rows that count no more are kept for a while, as clocks of servers differ.
_KEPT_FOR: Final = 3 * HOUR
# Each process adds to rows of its own.
_SERVER_ID: Final = secrets.token_hex(8)


def issued_value_of(row: Found) -> IssuedValue:
    """Return what a row says."""
    caller, market, slice_at, _server_id, amount_minor = row
    return IssuedValue(caller, market, instant(slice_at), amount_minor)


def issued_value_rows(decisions: Iterable[Decision]) -> list[Row]:
    """Return one row for each caller, market and slice of time, as one statement adds each once."""
    sums: dict[tuple[str, str, int], int] = {}
    for decision in decisions:
        issued = decision.issued_value
        if issued is not None:
            key = (issued.caller, issued.market, microseconds(issued.slice_at))
            sums[key] = sums.get(key, 0) + issued.amount_minor
    return [(*key, _SERVER_ID, amount_minor) for key, amount_minor in sums.items()]


def issued_by_caller(database: Database, now: datetime) -> dict[tuple[str, str], int]:
    """Return what each caller has issued in each market within the hour, in minor units."""
    query = tables.IssuedValue.select().tuples()
    with reading(database), translated():
        issued = [issued_value_of(row) for row in query.execute(database)]
    keys = {(each.caller, each.market) for each in issued}
    return {
        key: within_the_hour([each for each in issued if (each.caller, each.market) == key], now)
        for key in sorted(keys)
    }


def forget_old(database: Database, now: datetime) -> None:
    """Remove the rows that have not counted for hours."""
    table = tables.IssuedValue
    with writing(database), translated():
        too_old = table.slice_at < microseconds(now - _KEPT_FOR)
        table.delete().where(too_old).execute(database)
