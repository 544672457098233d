"""`giftcard mail list`: which messages there are in a state, by default those that are parked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from giftcard_rules.deliveries import DeliveryState
from giftcard_server.commands import tables
from giftcard_server.commands.answers import Output, OutputFormat, print_json
from giftcard_server.commands.exits import refusing, settings_or_refuse
from giftcard_storage import database
from giftcard_storage.deliveries import StoredDelivery
from giftcard_storage.deliveries.waiting import listed

WHAT: Final = "list deliveries"
MOST: Final = 1000
COLUMNS: Final = ("delivery_id", "kind", "state", "market", "card_id", "due_at", "tries", "reason")


def list_deliveries(
    *,
    state: Annotated[
        DeliveryState, typer.Option(help="The state of the deliveries.")
    ] = DeliveryState.PARKED,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the oldest first.")] = MOST,
    output: OutputFormat = Output.TABLE,
) -> None:
    """List messages by their state, without anybody's address. Reads GIFTCARD_DATABASE_URL."""
    url = settings_or_refuse().database_url
    with refusing(WHAT):
        database.require_schema(url)
        with closing(database.connect_to_look_over(url)) as connection:
            found = listed(connection, state, limit)
    _PRINT[output](found)


def _entry(delivery: StoredDelivery) -> dict[str, Any]:
    sent_at = delivery.sent_at
    return {
        "delivery_id": delivery.delivery_id,
        "kind": delivery.kind.value,
        "state": delivery.state.value,
        "market": delivery.market,
        "card_id": delivery.card_id,
        "role": delivery.role.value if delivery.role else None,
        "authorization_id": delivery.authorization_id,
        "resend_number": delivery.resend_number,
        "created_at": delivery.created_at.isoformat(),
        "due_at": delivery.due_at.isoformat(),
        "next_try_at": delivery.next_try_at.isoformat(),
        "sent_at": sent_at.isoformat() if sent_at else None,
        "tries": delivery.tries,
        "smtp_code": delivery.smtp_code,
        "reason": delivery.reason,
    }


def _print_json(found: Sequence[StoredDelivery]) -> None:
    print_json({"deliveries": [_entry(each) for each in found]})


def _print_table(found: Sequence[StoredDelivery]) -> None:
    table = Table()
    for column in COLUMNS:
        table.add_column(column)
    for delivery in found:
        entry = _entry(delivery)
        table.add_row(*("" if entry[each] is None else str(entry[each]) for each in COLUMNS))
    tables.show(table)


_PRINT: Final[dict[Output, Callable[[Sequence[StoredDelivery]], None]]] = {
    Output.JSON: _print_json,
    Output.TABLE: _print_table,
}
