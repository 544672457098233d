"""Faults to plant in a recorded history: each as what a broken server would have answered."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from giftcard_client.histories.findings import Kind
from giftcard_client.histories.model.terms import SECOND
from giftcard_client.histories.recording.history import Call, Outcome
from given.histories.recorded import Recorded

# Changes the answer of the call that is named.
Plant = Callable[[Recorded, str], None]

HOUR_SECONDS = 3600


def _answer(call: Call, answer: dict[str, Any], outcome: Outcome = Outcome.GRANTED) -> None:
    """Answer a call in another way, with bytes of its own."""
    call.outcome, call.answered = outcome, answer
    call.digest = f"the answer to call {call.number}"


def _holder(answer: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """Return where the last name of a path such as `authorization.forfeited` stands."""
    *parents, field = path.split(".")
    for parent in parents:
        answer = answer[parent]
    return answer, field


def declined(reason: str, **details: str) -> Plant:
    """Plant a decline."""

    def plant(recorded: Recorded, name: str) -> None:
        no = {"reason": reason, "details": details}
        _answer(recorded[name], no, Outcome.DECLINED)

    return plant


def changed(path: str, value: object) -> Plant:
    """Plant another fact."""

    def plant(recorded: Recorded, name: str) -> None:
        answer = deepcopy(recorded[name].answered)
        facts, field = _holder(answer, path)
        assert facts[field] != value
        facts[field] = value
        _answer(recorded[name], answer)

    return plant


def moved(path: str, seconds: int) -> Plant:
    """Plant an instant that is off by some seconds."""

    def plant(recorded: Recorded, name: str) -> None:
        facts, field = _holder(recorded[name].answered, path)
        changed(path, facts[field] + seconds * SECOND)(recorded, name)

    return plant


def same_as(other: str, path: str) -> Plant:
    """Plant a code or id that another call made."""

    def plant(recorded: Recorded, name: str) -> None:
        facts, field = _holder(recorded[other].answered, path)
        changed(path, facts[field])(recorded, name)

    return plant


def granted(like: str, path: str = "", value: object = None) -> Plant:
    """Plant a grant where a call was declined: as another call was, with perhaps a fact changed.

    What an Authorize sets aside has an id of its own, and a Capture or Reverse the one it names.
    """

    def plant(recorded: Recorded, name: str) -> None:
        call, model = recorded[name], recorded[like]
        answer = deepcopy(model.answered)
        authorization = answer.get("authorization")
        if authorization:
            authorization["created"] += call.begin_time - model.begin_time
            authorization["expires"] += call.begin_time - model.begin_time
            authorization["order"] = call.request.get("order", authorization["order"])
            authorization["id"] = call.request.get("authorization", f"held by {call.number}")
        if path:
            facts, field = _holder(answer, path)
            facts[field] = value
        _answer(call, answer)

    return plant


def authorized(bought: str) -> Plant:
    """Plant that an Authorize was granted, on the card that another call bought."""

    def plant(recorded: Recorded, name: str) -> None:
        card_id = recorded[bought].answered["card"]["id"]
        granted("authorize the first", "authorization.card", card_id)(recorded, name)

    return plant


def another_card(like: str) -> Plant:
    """Plant that an Issue was granted for the first time, with a card of its own."""

    def plant(recorded: Recorded, name: str) -> None:
        call = recorded[name]
        answer = deepcopy(recorded[like].answered)
        answer["card"]["id"], answer["code"] = f"card of {call.number}", f"code of {call.number}"
        call.replayed = False
        _answer(call, answer)

    return plant


def flagged(*, replayed: bool) -> Plant:
    """Plant the wrong `giftcard-replayed`."""

    def plant(recorded: Recorded, name: str) -> None:
        assert recorded[name].replayed != replayed
        recorded[name].replayed = replayed

    return plant


def answered_as(other: str) -> Plant:
    """Plant that Validate said what it said at another time."""

    def plant(recorded: Recorded, name: str) -> None:
        _answer(recorded[name], deepcopy(recorded[other].answered))

    return plant


def lost(recorded: Recorded, name: str) -> None:
    """Lose an answer."""
    call = recorded[name]
    call.outcome, call.answered, call.digest, call.replayed = Outcome.UNANSWERED, {}, "", False


def at_once(other: str, answer: str) -> Plant:
    """Let a call be under way together with another one, and be answered as a third one."""

    def at_the_same_time(recorded: Recorded, name: str) -> None:
        call, meanwhile, model = recorded[name], recorded[other], recorded[answer]
        call.begin = min(call.begin, meanwhile.begin)
        call.end = max(call.end or 0, meanwhile.end or 0)
        call.outcome, call.answered = model.outcome, deepcopy(model.answered)

    return at_the_same_time


# In which call a fault is planted, what it is, and what it is called.
FAULTS: list[tuple[str, Plant, Kind]] = [
    # What must not be granted.
    ("authorize the second", authorized("buy for two"), Kind.CARD_HELD_TWICE),
    ("spend once more", authorized("buy"), Kind.CARD_SPENT_TWICE),
    ("authorize the cancelled", authorized("buy to cancel"), Kind.CANCELLED_CARD_USED),
    ("authorize the expired", authorized("buy to expire"), Kind.EXPIRED_CARD_USED),
    ("authorize the other", authorized("buy the other"), Kind.ORDER_HAS_TWO_CARDS),
    ("buy with the number", another_card("buy with a number"), Kind.PURCHASE_HAS_TWO_CARDS),
    ("authorize the prevented", authorized("buy to prevent"), Kind.PREVENTED_REQUEST_DECIDED),
    ("capture once more", granted("capture"), Kind.CAPTURED_TWICE),
    ("capture the lapsed", granted("capture"), Kind.CAPTURED_AFTER_LAPSE),
    ("capture the released", granted("capture"), Kind.CAPTURED_AFTER_RELEASE),
    ("capture too much", granted("capture"), Kind.CAPTURED_TOO_MUCH),
    ("refund too much", granted("refund a part", "to_card", 80_00), Kind.REFUNDED_TOO_MUCH),
    ("release once more", granted("release"), Kind.RELEASED_TWICE),
    ("cancel used", granted("cancel"), Kind.USED_CARD_CANCELLED),
    ("cancel held", granted("cancel"), Kind.USED_CARD_CANCELLED),
    ("cancel once more", granted("cancel"), Kind.CANCELLED_TWICE),
    ("buy too little", another_card("buy with a number"), Kind.GRANTED_AGAINST_THE_RULES),
    # What must not be declined, or not for that reason.
    ("authorize the released", declined("CARD_HELD"), Kind.HOLD_OUTLIVES_ITS_END),
    ("authorize the lapsed", declined("CARD_HELD"), Kind.HOLD_OUTLIVES_ITS_END),
    ("look at the lapsed", changed("reason", "CARD_HELD"), Kind.STALE_READ),
    ("release", declined("AUTHORIZATION_LAPSED"), Kind.DECLINED_AGAINST_THE_RULES),
    ("capture the lapsed", declined("AUTHORIZATION_RELEASED"), Kind.WRONG_REASON),
    ("cancel used", declined("CARD_EXPIRED"), Kind.WRONG_REASON),
    (
        "refund too much",
        declined("AMOUNT_EXCEEDS_REFUNDABLE", refundable_amount_minor="1"),
        Kind.WRONG_REASON,
    ),
    # What was acknowledged and is not known any more.
    ("look after", changed("reason", "CARD_NOT_FOUND"), Kind.ACKNOWLEDGEMENT_LOST),
    ("authorize the released", declined("CARD_NOT_FOUND"), Kind.ACKNOWLEDGEMENT_LOST),
    ("release", declined("AUTHORIZATION_NOT_FOUND"), Kind.ACKNOWLEDGEMENT_LOST),
    ("capture again", declined("AUTHORIZATION_NOT_FOUND"), Kind.ACKNOWLEDGEMENT_LOST),
    # Reads of another time.
    ("look after", answered_as("look before"), Kind.STALE_READ),
    ("look before", answered_as("look after"), Kind.STALE_READ),
    ("look at the lapsed", changed("card.balance", 0), Kind.STALE_READ),
    ("look at the released", changed("pays", 49_99), Kind.STALE_READ),
    # Answers to the same request.
    ("buy again", changed("code", "another code"), Kind.REPLAY_DIFFERS),
    ("refund the rest again", changed("to_card", 29_99), Kind.REPLAY_DIFFERS),
    ("authorize again", declined("CARD_HELD"), Kind.DECISION_REVERSED),
    ("capture a part again", declined("AUTHORIZATION_LAPSED"), Kind.DECISION_REVERSED),
    ("buy again", another_card("buy"), Kind.DECIDED_TWICE),
    ("buy again", flagged(replayed=False), Kind.REPLAY_NOT_FLAGGED),
    ("capture once more", flagged(replayed=True), Kind.FIRST_ANSWER_FLAGGED),
    ("capture", flagged(replayed=True), Kind.FIRST_ANSWER_FLAGGED),
    # Codes, ids and instants.
    ("buy one", same_as("buy", "code"), Kind.CODE_GIVEN_TWICE),
    ("buy with a number", same_as("buy", "card.id"), Kind.ID_GIVEN_TWICE),
    ("authorize one", same_as("authorize", "authorization.id"), Kind.ID_GIVEN_TWICE),
    ("authorize the first", moved("authorization.created", -HOUR_SECONDS), Kind.TIME_OUTSIDE_CALL),
    ("buy for two", moved("card.issued", HOUR_SECONDS), Kind.TIME_OUTSIDE_CALL),
    # Amounts, ends and states.
    ("capture a part", changed("replacement.initial", 10_01), Kind.WRONG_REPLACEMENT),
    ("capture a part", changed("replacement", None), Kind.WRONG_REPLACEMENT),
    ("capture a part", changed("replacement.replaces", "another"), Kind.WRONG_REPLACEMENT),
    ("refund a part", changed("replacement.balance", 0), Kind.WRONG_REPLACEMENT),
    ("authorize a part", changed("authorization.forfeited", 0), Kind.WRONG_FORFEIT),
    ("authorize the first", changed("authorization.authorized", 49_99), Kind.WRONG_AMOUNT),
    ("authorize the first", changed("authorization.due", 11_00), Kind.WRONG_AMOUNT),
    ("refund a part", changed("to_other", 20_00), Kind.WRONG_AMOUNT),
    ("cancel", changed("refund", 50_01), Kind.WRONG_AMOUNT),
    ("buy for two", moved("card.expires", HOUR_SECONDS), Kind.WRONG_EXPIRY),
    ("authorize the first", moved("authorization.expires", HOUR_SECONDS), Kind.WRONG_EXPIRY),
    ("buy for two", changed("card.state", "HELD"), Kind.WRONG_STATE),
    ("release", changed("outcome", "PREVENTED"), Kind.WRONG_STATE),
    ("prevent", changed("outcome", "RELEASED"), Kind.WRONG_STATE),
    ("buy for two", changed("card.currency", "CHF"), Kind.WRONG_FACT),
]
