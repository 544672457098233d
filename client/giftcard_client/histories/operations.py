"""Turns calls into operations, each decided at one instant of a window, and groups them.

A request that was sent several times is one operation. It was decided in the call whose answer is
no replay; where there is none, at some time from its first call on. A request without any answer
may have been decided at any time since, or never. A decline that leaves no trace is an operation
of its own. Operations that share a card, an order, a purchase or a request id form one component;
no call outside of it can make a difference to a call inside.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from giftcard_client.histories.model import LEAVES_NO_TRACE, Asked
from giftcard_client.histories.recording.history import Call, Outcome
from giftcard_client.histories.recording.plain import Plain
from giftcard_client.vocabulary import Reason

NEVER: Final = 2**63

# Declines that were decided and left no record; a throttled attempt was not looked at.
_TRACELESS: Final = LEAVES_NO_TRACE - {Reason.TOO_MANY_ATTEMPTS}
# Those of them that say that the request was not decided before.
_NOT_DECIDED: Final = _TRACELESS - {Reason.REQUEST_ID_REUSED}

RequestKey = tuple[str, str, str]
Node = tuple[Hashable, ...]


@dataclass(slots=True, eq=False)
class Operation:
    """A request that was decided once, or may have been (`outcome` UNANSWERED).

    It happened between `begin` and `end` of the monotonic clock, at a time from `earliest` to
    `latest`; `at` is that time where the answer says so. `is_open` where no later
    answer tells whether it happened.
    """

    asked: Asked
    calls: tuple[int, ...]
    outcome: Outcome
    answered: Plain
    begin: int
    end: int
    earliest: int
    latest: int
    at: int | None
    nodes: list[Node] = field(default_factory=list)
    is_open: bool = False

    @property
    def is_required(self) -> bool:
        """Whether it happened for sure."""
        return self.outcome is not Outcome.UNANSWERED


def request_key(call: Call) -> RequestKey:
    """Return what the calls of one request have in common."""
    return call.caller, call.request_id, call.fingerprint


def is_final(call: Call) -> bool:
    """Return whether a call has the final answer of its request."""
    if call.outcome is Outcome.DECLINED:
        return call.reason not in LEAVES_NO_TRACE
    return call.outcome is Outcome.GRANTED


def components(calls: Iterable[Call], tolerance: int) -> list[list[Operation]]:
    """Return the operations of a history by component, each in the order in which they began.

    `tolerance` is by how many nanoseconds the clocks of servers and callers may differ.
    """
    return _connected(_Reading(list(calls), tolerance).operations())


class _Reading:
    """Reads operations out of calls."""

    def __init__(self, calls: list[Call], tolerance: int) -> None:
        self._tolerance = tolerance
        self._validates = [call for call in calls if call.method == "Validate"]
        self._requests: dict[RequestKey, list[Call]] = defaultdict(list)
        for call in calls:
            if call.method != "Validate":
                self._requests[request_key(call)].append(call)
        self._card_of = dict(_codes(calls))
        self._watched = self._looked_at()

    def operations(self) -> Iterator[Operation]:
        for call in self._validates:
            if call.outcome is Outcome.GRANTED and (
                call.answered["reason"] != Reason.TOO_MANY_ATTEMPTS
            ):
                yield self._operation([call], call, call.begin, call.end)
        for calls in self._requests.values():
            yield from self._of_request(calls)

    def _looked_at(self) -> set[tuple[str, str]]:
        """Return the request ids whose record makes a difference to other operations."""
        seen: dict[tuple[str, str], str] = {}
        watched: set[tuple[str, str]] = set()
        for (caller, request_id, fingerprint), calls in self._requests.items():
            key = caller, request_id
            if seen.setdefault(key, fingerprint) != fingerprint:
                watched.add(key)
            if any(call.reason in LEAVES_NO_TRACE for call in calls):
                watched.add(key)
            target = calls[0].request.get("authorize_request")
            if target is not None:
                watched.add((caller, target))
        return watched

    def _of_request(self, calls: list[Call]) -> Iterator[Operation]:
        final = [call for call in calls if is_final(call)]
        unanswered = [call for call in calls if call.outcome is Outcome.UNANSWERED]
        first_answers = [call for call in final if not call.replayed]
        if first_answers:
            deciding = min(first_answers, key=_end)
            yield self._operation(calls, deciding, deciding.begin, deciding.end)
        elif final:
            begun = min((*final, *unanswered), key=lambda call: call.begin)
            known = min(final, key=_end)
            yield self._operation(calls, known, begun.begin, known.end, begun.begin_time)
        elif unanswered:
            begun = min(unanswered, key=lambda call: call.begin)
            maybe = self._operation(calls, begun, begun.begin, NEVER)
            last = max(call.begin for call in unanswered)
            # Only a request that was not decided gets a decline that leaves no trace.
            maybe.is_open = not any(
                call.reason in _NOT_DECIDED and call.begin > last for call in calls
            )
            yield maybe
        known_by = min(map(_end, final), default=NEVER)
        for call in calls:
            # After the final answer such a decline is wrong in any order; `replays` reports it.
            if call.reason in _TRACELESS and call.begin <= known_by:
                yield self._operation([call], call, call.begin, call.end)

    def _operation(
        self,
        calls: list[Call],
        deciding: Call,
        begin: int,
        end: int | None,
        begin_time: int | None = None,
    ) -> Operation:
        is_known = deciding.outcome is not Outcome.UNANSWERED
        earliest = (deciding.begin_time if begin_time is None else begin_time) - self._tolerance
        latest = (deciding.end_time or NEVER) + self._tolerance if is_known else NEVER
        asked = self._asked(deciding)
        return Operation(
            asked=asked,
            calls=tuple(call.number for call in calls),
            outcome=deciding.outcome,
            answered=deciding.answered,
            begin=begin,
            end=NEVER if end is None else end,
            earliest=earliest,
            latest=latest,
            at=instant_of(deciding),
            nodes=list(_nodes(deciding, asked)),
        )

    def _asked(self, call: Call) -> Asked:
        key = call.caller, call.request_id
        made = _made_card(call)
        return Asked(
            method=call.method,
            request=call.request,
            key=key,
            fingerprint=call.fingerprint,
            card_id=self._card_of.get(call.request.get("code", ""), ""),
            made_card=made or f"the card of request {call.request_id}",
            made_hold=_made_hold(call) or f"the hold of request {call.request_id}",
            reason=call.reason,
            watched=bool(call.request_id) and key in self._watched,
            is_answered=call.outcome is not Outcome.UNANSWERED,
        )


def _end(call: Call) -> int:
    return NEVER if call.end is None else call.end


def _codes(calls: Iterable[Call]) -> Iterator[tuple[str, str]]:
    """Yield the code of each card that was made, as a history has it, and the card's id."""
    for call in calls:
        if call.outcome is Outcome.GRANTED and call.answered.get("code"):
            yield call.answered["code"], _made_card(call)


def _made_card(call: Call) -> str:
    if call.outcome is not Outcome.GRANTED:
        return ""
    card = call.answered.get("card" if call.method == "Issue" else "replacement")
    return str(card["id"]) if card else ""


def _made_hold(call: Call) -> str:
    if call.method != "Authorize" or call.outcome is not Outcome.GRANTED:
        return ""
    return str(call.answered["authorization"]["id"])


def instant_of(call: Call) -> int | None:
    """Return when a call was decided, where its answer says so."""
    if call.outcome is not Outcome.GRANTED:
        return None
    if call.method == "Authorize":
        return int(call.answered["authorization"]["created"])
    card = call.answered.get("card" if call.method == "Issue" else "replacement")
    if card is None or call.method in {"Validate", "Cancel"}:
        return None
    return int(card["issued"])


def _nodes(call: Call, asked: Asked) -> Iterator[Node]:
    """Yield everything that an operation looks at."""
    request = call.request
    if "code" in request:
        yield ("card", asked.card_id or request["code"])
    if call.method in {"Validate", "Authorize"}:
        yield ("order", request["market"], request["order"])
    if call.method == "Issue":
        yield ("bought", request["market"], request["purchase_order"])
        if "payment" in request:
            yield ("paid", request["market"], request["payment"])
    if request.get("authorization"):
        yield ("hold", request["authorization"])
    if "authorize_request" in request:
        yield ("request", call.caller, request["authorize_request"])
    if asked.watched:
        yield ("request", *asked.key)
    if call.outcome is Outcome.GRANTED:
        yield from _answered_nodes(call)


def _answered_nodes(call: Call) -> Iterator[Node]:
    """Yield everything that the answer of an operation names."""
    made = _made_card(call)
    if made:
        yield ("card", made)
    if call.answered.get("authorization"):
        yield ("hold", call.answered["authorization"]["id"])
        yield ("card", call.answered["authorization"]["card"])


def _connected(operations: Iterable[Operation]) -> list[list[Operation]]:
    """Group operations that are connected by what they look at."""
    leader: dict[Node, Node] = {}

    def leader_of(node: Node) -> Node:
        leader.setdefault(node, node)
        while leader[node] != node:
            leader[node] = node = leader[leader[node]]
        return node

    groups: dict[Node, list[Operation]] = defaultdict(list)
    everything = list(operations)
    for each in everything:
        first = leader_of(each.nodes[0])
        for node in each.nodes[1:]:
            leader[leader_of(node)] = first
    for each in everything:
        groups[leader_of(each.nodes[0])].append(each)
    return [sorted(group, key=lambda each: each.begin) for group in groups.values()]
