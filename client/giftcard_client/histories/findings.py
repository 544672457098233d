"""The kinds of findings, and their texts.

A kind says what went wrong with the money. `GRANTED` and `FIELDS` map the difference between an
answer and the rules to a kind.
"""

import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from giftcard_client.histories.fitting import Mismatch
from giftcard_client.histories.model import REPLAY
from giftcard_client.histories.operations import Operation
from giftcard_client.histories.recording.history import Outcome
from giftcard_client.histories.search import Found
from giftcard_client.vocabulary import Reason

SHOWN_CALLS: Final = 12
SHOWN_STUCK: Final = 3
SHOWN_CHARACTERS: Final = 120


class Kind(StrEnum):
    """Every kind of fault that the checker can find."""

    # The answers to one request.
    REPLAY_DIFFERS = "a replay differs from the first answer"
    DECISION_REVERSED = "a request was granted and declined"
    DECIDED_TWICE = "a request was decided twice"
    REPLAY_NOT_FLAGGED = "a replay is not flagged as one"
    FIRST_ANSWER_FLAGGED = "a first answer is flagged as a replay"
    ACKNOWLEDGEMENT_LOST = "an acknowledged request or card is not known any more"
    # Ids, codes and instants.
    CODE_GIVEN_TWICE = "one code was given to two cards"
    ID_GIVEN_TWICE = "one id was given to two cards or authorizations"
    TIME_OUTSIDE_CALL = "an answer was decided before its call began or after it ended"
    # The rules decline a request, and it was granted.
    CARD_SPENT_TWICE = "a card was used that was used already"
    CARD_HELD_TWICE = "a card was set aside for two orders at once"
    CANCELLED_CARD_USED = "a cancelled card was used"
    EXPIRED_CARD_USED = "an expired card was used"
    ORDER_HAS_TWO_CARDS = "an order got two cards"
    PURCHASE_HAS_TWO_CARDS = "a purchase got two cards"
    PREVENTED_REQUEST_DECIDED = "a prevented request was decided"
    CAPTURED_TWICE = "an authorization was captured twice"
    CAPTURED_AFTER_LAPSE = "a hold was captured after it lapsed"
    CAPTURED_AFTER_RELEASE = "a hold was captured after it was released"
    CAPTURED_TOO_MUCH = "more was captured than was set aside"
    REFUNDED_TOO_MUCH = "more was refunded than was paid"
    RELEASED_TWICE = "a hold was released that was open no more"
    USED_CARD_CANCELLED = "a used or held card was cancelled"
    CANCELLED_TWICE = "a card was cancelled twice"
    GRANTED_AGAINST_THE_RULES = "a request was granted that the rules decline"
    # The rules grant a request, and it was declined.
    HOLD_OUTLIVES_ITS_END = "a card is held by a hold that is over"
    DECLINED_AGAINST_THE_RULES = "a request was declined that the rules grant"
    WRONG_REASON = "a request was declined for another reason than the rules give"
    # The rules grant a request, with other facts than the answer has.
    STALE_READ = "Validate answered what was true no more, or not yet"
    WRONG_REPLACEMENT = "a replacement card is not worth what came back"
    WRONG_FORFEIT = "what is lost of a card is not what the order left of it"
    WRONG_AMOUNT = "an amount is not what the rules say"
    WRONG_EXPIRY = "a card or hold does not end when the rules say"
    WRONG_STATE = "a state is not what the rules say"
    WRONG_FACT = "an answer says something else than the rules"
    # The history as a whole.
    LIABILITY_DIFFERS = "the cards are not worth what the calls left on them"
    UNRESOLVED = "requests are left without any answer"
    TOO_MUCH_TO_TELL = "a component has too many orders to try"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: its kind, its card or request, the calls that show it, and the explanation."""

    kind: Kind
    subject: str
    calls: tuple[int, ...]
    why: str

    def __str__(self) -> str:
        """Return the finding in two lines."""
        return f"{self.kind}: {self.subject}, {named(self.calls)}\n    {self.why}"


_NOT_FOUND: Final = frozenset({Reason.CARD_NOT_FOUND, Reason.AUTHORIZATION_NOT_FOUND})

# The kind of a grant that the rules decline, by method and the reason of the rules.
GRANTED: Final[Mapping[tuple[str, str], Kind]] = MappingProxyType(
    {
        ("Authorize", Reason.CARD_REDEEMED): Kind.CARD_SPENT_TWICE,
        ("Authorize", Reason.CARD_HELD): Kind.CARD_HELD_TWICE,
        ("Authorize", Reason.CARD_CANCELLED): Kind.CANCELLED_CARD_USED,
        ("Authorize", Reason.CARD_EXPIRED): Kind.EXPIRED_CARD_USED,
        ("Authorize", Reason.ORDER_HAS_ANOTHER_CARD): Kind.ORDER_HAS_TWO_CARDS,
        ("Authorize", Reason.REQUEST_PREVENTED): Kind.PREVENTED_REQUEST_DECIDED,
        ("Issue", Reason.PURCHASE_HAS_ANOTHER_CARD): Kind.PURCHASE_HAS_TWO_CARDS,
        ("Capture", Reason.AUTHORIZATION_CAPTURED): Kind.CAPTURED_TWICE,
        ("Capture", Reason.AUTHORIZATION_LAPSED): Kind.CAPTURED_AFTER_LAPSE,
        ("Capture", Reason.AUTHORIZATION_RELEASED): Kind.CAPTURED_AFTER_RELEASE,
        ("Capture", Reason.AMOUNT_EXCEEDS_AUTHORIZED): Kind.CAPTURED_TOO_MUCH,
        ("Reverse", Reason.AMOUNT_EXCEEDS_REFUNDABLE): Kind.REFUNDED_TOO_MUCH,
        ("Reverse", Reason.AUTHORIZATION_RELEASED): Kind.RELEASED_TWICE,
        ("Reverse", Reason.AUTHORIZATION_LAPSED): Kind.RELEASED_TWICE,
        ("Cancel", Reason.CARD_REDEEMED): Kind.USED_CARD_CANCELLED,
        ("Cancel", Reason.CARD_HELD): Kind.USED_CARD_CANCELLED,
        ("Cancel", Reason.CARD_CANCELLED): Kind.CANCELLED_TWICE,
    }
)

# The kind of a wrong field, by the first or last part of its path; the first row that fits.
FIELDS: Final = (
    ("replacement", Kind.WRONG_REPLACEMENT),
    ("forfeited", Kind.WRONG_FORFEIT),
    ("expires", Kind.WRONG_EXPIRY),
    ("outcome", Kind.WRONG_STATE),
    ("state", Kind.WRONG_STATE),
    *(
        (name, Kind.WRONG_AMOUNT)
        for name in (
            "total", "authorized", "captured", "refunded", "due", "initial", "balance", "to_card",
            "to_other", "refund",
        )
    ),
)  # fmt: skip


def kind_of(mismatch: Mismatch) -> Kind:
    """Return the kind of a wrong answer."""
    operation = mismatch.operation
    method, reason = operation.asked.method, str(operation.answered.get("reason", ""))
    if mismatch.reason is REPLAY or reason in _NOT_FOUND:
        return Kind.ACKNOWLEDGEMENT_LOST
    if method == "Validate":
        return Kind.STALE_READ
    if operation.outcome is Outcome.DECLINED:
        return _of_decline(reason, mismatch.reason)
    if mismatch.reason:
        return GRANTED.get((method, mismatch.reason), Kind.GRANTED_AGAINST_THE_RULES)
    return _of_difference(mismatch.differences[0].path)


def _of_decline(answered: str, expected: str) -> Kind:
    if answered == Reason.CARD_HELD:
        return Kind.HOLD_OUTLIVES_ITS_END
    return Kind.WRONG_REASON if expected else Kind.DECLINED_AGAINST_THE_RULES


def _of_difference(name: str) -> Kind:
    parts = name.split(".")
    for ending, kind in FIELDS:
        if ending == parts[0] or ending == parts[-1]:
            return kind
    return Kind.WRONG_FACT


def of_search(operations: Iterable[Operation], found: Found) -> Finding:
    """Return the finding for a component in which no order fits."""
    everything = list(operations)
    first = found.stuck[0]
    placed = [number for each in found.order for number in each.calls[:1]]
    instead = "; ".join(_why(mismatch) for mismatch in found.stuck[:SHOWN_STUCK])
    more = len(found.stuck) - SHOWN_STUCK
    return Finding(
        kind_of(first),
        subject_of(first.operation),
        first.operation.calls,
        f"No order of its {len(everything)} operations fits the rules. The longest that does"
        f" {'begins with no call' if not placed else 'ends with ' + named(placed, last=True)},"
        f" and none of those that may come next fits: {instead}"
        + (f"; and {more} more" if more > 0 else ""),
    )


def _why(mismatch: Mismatch) -> str:
    operation = mismatch.operation
    what = f"{named(operation.calls)} ({describe(operation)})"
    if mismatch.reason:
        return f"{what}, where the rules say {mismatch.reason}"
    if mismatch.differences:
        return f"{what}, where the rules say " + ", ".join(
            f"{each.path} {_short(each.expected)} and not {_short(each.answered)}"
            for each in mismatch.differences[:SHOWN_STUCK]
        )
    return f"{what}, where the rules grant it"


def _short(value: object) -> str:
    if value is None:
        return "what is absent"
    plain = str(value) if isinstance(value, str) else value  # Without the name of its enum.
    return textwrap.shorten(repr(plain), SHOWN_CHARACTERS)


def describe(operation: Operation) -> str:
    """Return the request and the answer of an operation in a few words."""
    request, answer = operation.asked.request, operation.answered
    about = request.get("order") or request.get("purchase_order") or request.get("authorization")
    asked = f"{operation.asked.method} {about or request.get('authorize_request', '')}".strip()
    if operation.outcome is Outcome.UNANSWERED:
        return f"{asked}: unanswered"
    if operation.outcome is Outcome.DECLINED:
        return f"{asked}: declined {answer['reason']}"
    if operation.asked.method == "Validate":
        return f"{asked}: {'usable' if answer['usable'] else answer['reason']}"
    return f"{asked}: granted"


def subject_of(operation: Operation) -> str:
    """Return the card, authorization or request that an operation is about."""
    answer = operation.answered
    authorization, card = answer.get("authorization") or {}, answer.get("card") or {}
    card_id = operation.asked.card_id or authorization.get("card") or card.get("id")
    if card_id:
        return f"card {card_id}"
    if operation.asked.request.get("authorization"):
        return f"authorization {operation.asked.request['authorization']}"
    return f"request {operation.asked.key[1] or operation.asked.method}"


def named(calls: Iterable[int], *, last: bool = False) -> str:
    """Return the numbers of calls as text; of many, only the first or the last ones."""
    numbers = list(calls)
    shown = numbers[-SHOWN_CALLS:] if last else numbers[:SHOWN_CALLS]
    word = "call" if len(numbers) == 1 else "calls"
    left_out = "…, " if last and len(shown) < len(numbers) else ""
    following = ", …" if not last and len(shown) < len(numbers) else ""
    return f"{word} {left_out}{', '.join(map(str, shown))}{following}"
