"""Compares an operation with the rules: at which instants, and with which differences."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import NamedTuple

from giftcard_client.histories.model import Asked, Decision
from giftcard_client.histories.model.terms import Terms
from giftcard_client.histories.model.world import Card, Hold, Record, World
from giftcard_client.histories.operations import Operation
from giftcard_client.histories.recording.history import Outcome
from giftcard_client.histories.recording.plain import Plain


class Difference(NamedTuple):
    """A field of an answer that is not what the rules say."""

    path: str
    expected: object
    answered: object


class Mismatch(NamedTuple):
    """An operation that cannot come next, with the answer that the rules give instead.

    `reason` is why they decline it; empty where they grant it, with other facts where there are
    `differences`.
    """

    operation: Operation
    reason: str
    differences: tuple[Difference, ...]


def differences(expected: Plain, answered: Plain, path: str = "") -> Iterator[Difference]:
    """Yield each field of an answer that differs from the rules."""
    for name, value in expected.items():
        other = answered.get(name)
        if isinstance(value, dict) and isinstance(other, dict):
            yield from differences(value, other, f"{path}{name}.")
        elif other != value:
            yield Difference(path + name, value, other)


def moments(world: World, operation: Operation, terms: Mapping[str, Terms]) -> list[int]:
    """Return the instants at which an operation may have been decided, one of each kind."""
    if operation.at is not None:
        return [operation.at]
    found = {operation.earliest}
    for edge, is_vague in _edges(world, operation.asked, terms):
        if operation.earliest < edge <= operation.latest:
            found.add(edge)
        elif is_vague and edge <= operation.earliest:
            found.add(edge - 1)  # The hold may have begun later, and still stand.
    return sorted(found)


def _edges(world: World, asked: Asked, terms: Mapping[str, Terms]) -> Iterator[tuple[int, bool]]:
    """Yield the instants at which time makes a difference to a request."""
    request = asked.request
    hold_ids = [
        request.get("authorization"),
        world.get(("live", request.get("market"), request.get("order"))),
    ]
    card_ids = [asked.card_id]
    record = world.get(("request", asked.key[0], request.get("authorize_request")))
    if isinstance(record, Record):
        hold_ids.append(record.hold)
    for hold_id in hold_ids:
        hold = world.get(("hold", hold_id))
        if isinstance(hold, Hold):
            card_ids.append(hold.card)
    for card_id in card_ids:
        card = world.get(("card", card_id))
        if isinstance(card, Card):
            yield card.expires, False
            hold = world.get(("hold", card.hold))
            if isinstance(hold, Hold):
                yield hold.expires, hold.vague
            if asked.method == "Cancel":
                own = terms[card.market]
                bought_on = own.day_of(card.issued)
                yield from (
                    (each, False) for each in own.too_late(bought_on, own.cancellation_days)
                )
            elif "delivered_on" in request:
                own = terms[card.market]
                delivered_on = date.fromisoformat(request["delivered_on"])
                yield from ((each, False) for each in own.too_late(delivered_on, own.return_days))


def mismatch_of(operation: Operation, decision: Decision) -> Mismatch | None:
    """Return how an answer differs from what the rules say; None where it does not."""
    answer = operation.answered
    match operation.outcome:
        case Outcome.GRANTED if not decision.reason:
            found = tuple(differences(decision.facts, answer))
        case Outcome.DECLINED if decision.reason == answer["reason"]:
            known = {k: v for k, v in decision.facts.items() if k in answer["details"]}
            found = tuple(differences(known, answer["details"], "details."))
        case Outcome.UNANSWERED if not decision.reason:
            found = ()
        case _:
            return Mismatch(operation, decision.reason, ())
    return Mismatch(operation, decision.reason, found) if found else None
