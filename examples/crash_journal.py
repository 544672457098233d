"""What a checkout has sent, in a file, so that the next process can finish it after a crash.

A line is written, and is on the disk, before anything of an order is sent. It names the request
ids of its legs, and no code and no person. A second line ends the order.

The gift card is the last leg that is captured, so its authorization tells how far a checkout got
that nobody ended: once it is captured, all of the order is paid. Otherwise every leg is voided by
its request id, whatever became of it (R36). Looking first only spares an order that was paid from
being given back; what is still on its way is settled by the void alone.
"""

import json
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from giftcard_client import AuthorizationState, Declined, GiftCards, Reason
from giftcard_client.tender import GiftCardTender, Tender, TenderStatus

UNDONE = {TenderStatus.VOIDED, TenderStatus.REFUNDED}


class Found(StrEnum):
    """What was found of an order that nobody ended, and what was done about it."""

    PAID = "PAID"
    UNDONE = "UNDONE"
    # A tender could not be reached: reconcile again.
    NOT_YET = "NOT_YET"


class Journal:
    """The journal in a file; without a path nothing is kept."""

    def __init__(self, path: Path | None = None) -> None:
        """The file is made when the first order begins."""
        self._path = path

    def begin(self, order_id: str, authorize_request_ids: Mapping[str, str]) -> None:
        """Note the authorize requests of an order, by their tenders, before they are sent."""
        self._write({"order_id": order_id, "sent": dict(authorize_request_ids)})

    def end(self, order_id: str) -> None:
        """Note that an order is paid, or that nothing of it is set aside any more."""
        self._write({"order_id": order_id, "sent": None})

    def unfinished(self) -> dict[str, dict[str, str]]:
        """Return the requests of each order that nobody ended."""
        if self._path is None or not self._path.exists():
            return {}
        orders: dict[str, dict[str, str] | None] = {}
        for line in self._path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            orders[entry["order_id"]] = entry["sent"]
        return {order_id: sent for order_id, sent in orders.items() if sent is not None}

    def _write(self, entry: dict[str, object]) -> None:
        if self._path is None:
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())


def reconcile(journal: Journal, cards: GiftCards, *tenders: Tender) -> dict[str, Found]:
    """Finish what a former process has left, and say what was found of each order.

    No other process may be paying these orders. GiftCardError where the gift card service gives
    no answer: reconcile again.
    """
    by_name = {tender.name: tender for tender in tenders}
    found: dict[str, Found] = {}
    for order_id, sent in journal.unfinished().items():
        if _is_captured(cards, sent[GiftCardTender.name]):
            found[order_id] = Found.PAID
        else:
            ended = {by_name[name].void(authorize_request_id=sent[name]).status for name in sent}
            found[order_id] = Found.UNDONE if ended <= UNDONE else Found.NOT_YET
        if found[order_id] is not Found.NOT_YET:
            journal.end(order_id)
    return found


def _is_captured(cards: GiftCards, authorize_request_id: str) -> bool:
    try:
        shown = cards.authorization(authorize_request_id=authorize_request_id)
    except Declined as declined:
        if declined.reason is not Reason.AUTHORIZATION_NOT_FOUND:
            raise
        return False
    return shown.authorization.state is AuthorizationState.CAPTURED
