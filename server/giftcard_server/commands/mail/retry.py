"""`giftcard mail retry`: have a message tried again that was parked, once its cause is mended."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Annotated, Final

import typer

from giftcard_rules.deliveries import DeliveryState
from giftcard_server.clocks.judged_clock import utc_now
from giftcard_server.commands.answers import Output, OutputFormat, answering
from giftcard_server.commands.exits import refuse, refusing, settings_or_refuse
from giftcard_storage import database
from giftcard_storage.deliveries import waiting
from giftcard_storage.errors import StaleError

WHAT: Final = "retry a delivery"
RETRIED: Final = frozenset({DeliveryState.PARKED, DeliveryState.DEFERRED})
_ID: Final = re.compile("[0-9a-f]{32}")


def _delivery_id(typed: str) -> str:
    """Refuse what is not an id without quoting it, since it may be a code."""
    if not _ID.fullmatch(typed):
        message = "a delivery's id has 32 hex digits; `giftcard mail list` shows it"
        raise typer.BadParameter(message)
    return typed


def retry(
    delivery_id: Annotated[
        str, typer.Argument(metavar="ID", callback=_delivery_id, help="The delivery's id.")
    ],
    *,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Have a parked or deferred message tried at once, and for three days from now on.

    A running server sends it, unless its card was cancelled, blocked, used or has expired
    meanwhile. Reads GIFTCARD_DATABASE_URL.
    """
    url = settings_or_refuse().database_url
    with refusing(WHAT):
        database.require_schema(url)
        with closing(database.connect(url)) as connection:
            try:
                before = waiting.retry(connection, delivery_id, utc_now())
            except StaleError:
                refuse("a server is just at it", WHAT)
    if before is None:
        refuse(f"there is no delivery {delivery_id}", WHAT)
    if before.state not in RETRIED:
        refuse(f"it is {before.state.value}, and neither parked nor deferred", WHAT)
    with answering(output) as answer:
        queued = f"delivery {delivery_id} is queued"
        answer.say(queued, delivery_id=delivery_id, state=DeliveryState.QUEUED)
