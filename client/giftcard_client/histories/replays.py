"""Checks that need no search: the answers to one request, ids, codes and instants."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from giftcard_client.histories.findings import Finding, Kind
from giftcard_client.histories.fitting import differences
from giftcard_client.histories.model import LEAVES_NO_TRACE
from giftcard_client.histories.model.terms import instant
from giftcard_client.histories.operations import NEVER, instant_of, is_final, request_key
from giftcard_client.histories.recording.history import Call, Outcome
from giftcard_client.vocabulary import Reason


def of_answers(calls: Iterable[Call]) -> Iterator[Finding]:
    """Yield the faults in the answers to each request, however often it was sent."""
    requests: dict[tuple[str, str, str], list[Call]] = defaultdict(list)
    for call in calls:
        if call.request_id:
            requests[request_key(call)].append(call)
    for (_, request_id, _), same in requests.items():
        final = sorted((call for call in same if is_final(call)), key=_end)
        if final:
            subject = f"request {request_id} ({same[0].method})"
            yield from _same_answers(subject, final)
            yield from _flags(subject, same, final)
            yield from _forgotten(subject, same, final[0])


def _same_answers(subject: str, final: list[Call]) -> Iterator[Finding]:
    first = final[0]
    for again in final[1:]:
        if again.digest == first.digest:
            continue
        kind = Kind.REPLAY_DIFFERS
        if again.outcome is not first.outcome:
            kind = Kind.DECISION_REVERSED
        elif not (again.replayed or first.replayed):
            kind = Kind.DECIDED_TWICE
        yield Finding(
            kind,
            subject,
            (first.number, again.number),
            f"Call {first.number} was {_answer(first)}, call {again.number} {_answer(again)}."
            f" {_what_differs(first, again)}",
        )


def _answer(call: Call) -> str:
    flagged = " as a replay" if call.replayed else ""
    return f"{call.outcome}{f' {call.reason}' if call.reason else ''}{flagged}"


def _what_differs(first: Call, again: Call) -> str:
    found = [
        f"{each.path} {each.expected!r} became {each.answered!r}"
        for each in differences(first.answered, again.answered)
    ]
    return ", ".join(found) or "The facts are the same, their bytes are not."


def _flags(subject: str, same: list[Call], final: list[Call]) -> Iterator[Finding]:
    """Yield wrong `giftcard-replayed` flags: all answers but the first have the flag."""
    first_answers = [call for call in final if not call.replayed]
    if len(first_answers) > 1 and len({call.digest for call in first_answers}) == 1:
        yield Finding(
            Kind.REPLAY_NOT_FLAGGED,
            subject,
            tuple(call.number for call in first_answers),
            "The same answer was given several times as if it were the first.",
        )
    for call in final:
        if not call.replayed:
            continue
        # One of these calls must have decided the request before this one was answered.
        decided_in = first_answers or [
            other for other in same if other is not call and _may_have_decided(other)
        ]
        if not any(other.begin < _end(call) for other in decided_in):
            yield Finding(
                Kind.FIRST_ANSWER_FLAGGED,
                subject,
                (call.number,),
                "The flag says that the request was decided before, but no other call of it that"
                " can have been decided had begun by then.",
            )


def _may_have_decided(call: Call) -> bool:
    return is_final(call) or call.outcome is Outcome.UNANSWERED


def _forgotten(subject: str, same: list[Call], first: Call) -> Iterator[Finding]:
    for call in same:
        if call.reason in LEAVES_NO_TRACE and call.begin > _end(first):
            if call.reason == Reason.TOO_MANY_ATTEMPTS:
                why = "A replay is no attempt, and not to be throttled."
            else:
                why = "What was acknowledged must be answered the same for good."
            yield Finding(
                Kind.ACKNOWLEDGEMENT_LOST,
                subject,
                (first.number, call.number),
                f"Call {first.number} was {_answer(first)}, and call {call.number}, which began"
                f" later, {_answer(call)}. {why}",
            )


def of_ids(calls: Iterable[Call]) -> Iterator[Finding]:
    """Yield codes and ids that were given to more than one card or authorization."""
    made: dict[tuple[str, str], tuple[str, Call]] = {}
    for call in calls:
        if call.outcome is not Outcome.GRANTED:
            continue
        for name, value, owner in _made(call):
            other, by = made.setdefault((name, value), (owner, call))
            if other != owner:
                kind = Kind.CODE_GIVEN_TWICE if name == "code" else Kind.ID_GIVEN_TWICE
                why = f"Request {by.request_id} and request {call.request_id} both made it."
                if name == "code":
                    why = f"It is the code of card {other} and of card {owner}."
                yield Finding(kind, f"{name} {value}", (by.number, call.number), why)


def _made(call: Call) -> Iterator[tuple[str, str, str]]:
    """Yield the kind and value of each new id, and the request or card that it belongs to."""
    answer = call.answered
    if call.method == "Authorize":
        yield "authorization", answer["authorization"]["id"], call.request_id
    card = answer.get("card") if call.method == "Issue" else answer.get("replacement")
    if card:
        yield "card", card["id"], call.request_id
        yield "code", answer["code"], card["id"]


def of_instants(calls: Iterable[Call], tolerance: int) -> Iterator[Finding]:
    """Yield answers that say they were decided outside of any call that can have decided them."""
    requests: dict[tuple[str, str, str], int] = {}
    for call in calls:
        began = requests.setdefault(request_key(call), call.begin_time)
        at = instant_of(call)
        if at is None or call.end_time is None:
            continue
        earliest = (began if call.replayed else call.begin_time) - tolerance
        if not earliest <= at <= call.end_time + tolerance:
            yield Finding(
                Kind.TIME_OUTSIDE_CALL,
                f"request {call.request_id} ({call.method})",
                (call.number,),
                f"It was decided at {instant(at)}, says the answer; the call took from"
                f" {instant(call.begin_time)} to {instant(call.end_time)}.",
            )


def _end(call: Call) -> int:
    return NEVER if call.end is None else call.end
