"""A plain model of the rules, written from the terms and the contract alone.

It does not use the service's rules, so that a mistake would have to be made twice. `decide` returns
the answer to one request at one instant, and its changes. New ids, and the instants at which cards
and holds were made, come from the recorded answer; everything else is computed.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, NoReturn

from giftcard_client.histories.model import cards, orders
from giftcard_client.histories.model.asking import LEAVES_NO_TRACE, REPLAY, Asked, Declined
from giftcard_client.histories.model.terms import Terms
from giftcard_client.histories.model.world import Changes, Key, Record, View, World
from giftcard_client.histories.recording.plain import Plain
from giftcard_client.vocabulary import Reason

__all__ = ["LEAVES_NO_TRACE", "REPLAY", "Asked", "Decision", "decide"]


class Decision(NamedTuple):
    """The answer to a request: `reason` if it is declined, else the facts of the response."""

    reason: str
    facts: Plain
    changes: Changes


def decide(world: World, asked: Asked, now: int, terms: Mapping[str, Terms]) -> Decision:
    """Return what a request is answered at an instant; a decline changes nothing but its record."""
    view = View(world, terms, now)
    record_key: Key = ("request", *asked.key)
    record = view.record(asked.key) if asked.watched else None
    try:
        if record is not None:
            _known(record, asked)
        facts = _RULE[asked.method](view, asked)
    except Declined as no:
        kept = asked.watched and no.reason not in LEAVES_NO_TRACE and no.reason is not REPLAY
        made: Changes = {record_key: Record(asked.method, asked.fingerprint)} if kept else {}
        return Decision(no.reason, no.details, made)
    if asked.method == "Validate":
        return Decision("", facts, {})
    if asked.watched:
        hold = asked.made_hold if asked.method == "Authorize" else ""
        view.changes[record_key] = Record(asked.method, asked.fingerprint, hold)
    return Decision("", facts, view.changes)


def _known(record: Record, asked: Asked) -> NoReturn:
    if record.prevented and asked.method == "Authorize":
        raise Declined(Reason.REQUEST_PREVENTED)  # R36
    if record.fingerprint != asked.fingerprint:
        raise Declined(Reason.REQUEST_ID_REUSED)
    raise Declined(REPLAY)


_RULE: Final[Mapping[str, Callable[[View, Asked], Plain]]] = {
    "Issue": cards.issue,
    "Validate": orders.validate,
    "Authorize": orders.authorize,
    "Capture": orders.capture,
    "Reverse": orders.reverse,
    "Cancel": cards.cancel,
}
