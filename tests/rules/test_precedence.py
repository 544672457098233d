"""Where several reasons apply at once, the first in the contract's order is the answer.

Each call has a list of mistakes, in the contract's order; each is one change of the situation.
Every mistake alone is declined for its own reason, and every two that can be true at once for
the first of both. Two mistakes that change the same thing exclude each other, as a card has
one state. Those pairs are written out, so that none is left out by accident.
"""

import re
from itertools import combinations
from pathlib import Path

import pytest

from giftcard_rules.reasons import LEAVES_NO_TRACE, Reason
from given import wrong_calls
from given.situations import Call, Wrong
from given.wrong_acts import ACTS
from given.wrong_desk_calls import DESK
from given.wrong_refunds import REFUNDS

# The table of the contract, from top to bottom.
CONTRACT = [
    "TOO_MANY_ATTEMPTS",
    "REQUEST_ID_REUSED",
    "ANSWER_RETIRED",
    "REQUEST_PREVENTED",
    "CARD_NOT_FOUND",
    "AUTHORIZATION_NOT_FOUND",
    "WRONG_MARKET",
    "CURRENCY_MISMATCH",
    "MARKET_PAUSED",
    "CARD_BLOCKED",
    "CARD_CANCELLED",
    "CARD_REDEEMED",
    "CARD_EXPIRED",
    "CARD_HELD",
    "AUTHORIZATION_CAPTURED",
    "AUTHORIZATION_RELEASED",
    "AUTHORIZATION_LAPSED",
    "AUTHORIZATION_NOT_CAPTURED",
    "ORDER_HAS_GIFT_CARD_LINE",
    "ORDER_HAS_DISCOUNT",
    "ORDER_HAS_ANOTHER_CARD",
    "NOTHING_ELIGIBLE",
    "PURCHASE_HAS_ANOTHER_CARD",
    "PAYMENT_METHOD_NOT_ACCEPTED",
    "PURCHASE_HAS_DISCOUNT",
    "AMOUNT_OUT_OF_RANGE",
    "ISSUE_CEILING_REACHED",
    "AMOUNT_EXCEEDS_AUTHORIZED",
    "AMOUNT_EXCEEDS_REFUNDABLE",
    "EXERCISE_DAY_OUT_OF_RANGE",
    "RETURN_WINDOW_CLOSED",
    "CANCELLATION_WINDOW_CLOSED",
    "NOT_A_PURCHASED_CARD",
    "CARD_NOT_BLOCKED",
    "RESEND_LIMIT",
    "PERSON_ERASED",
    "PERSON_RESTRICTED",
    "PROPOSAL_NOT_FOUND",
    "PROPOSAL_CLOSED",
    "PROPOSAL_LAPSED",
    "SAME_ACTOR",
    "REFUND_NOT_DUE",
]

# These are decided before any rule, and tested with the server.
BEFORE_THE_RULES = CONTRACT[:4]
CALLS = wrong_calls.CALLS | ACTS | REFUNDS | DESK
PROTOS = Path(__file__).parents[2] / "protos/giftcard/v1"

# Pairs that change different things and yet cannot both be true.
IMPOSSIBLE = {
    # An authorization that was captured or released is no hold any more, so it cannot lapse.
    ("Capture", "AUTHORIZATION_CAPTURED", "AUTHORIZATION_LAPSED"),
    ("Capture", "AUTHORIZATION_RELEASED", "AUTHORIZATION_LAPSED"),
    ("ExtendAuthorization", "AUTHORIZATION_CAPTURED", "AUTHORIZATION_LAPSED"),
    ("ExtendAuthorization", "AUTHORIZATION_RELEASED", "AUTHORIZATION_LAPSED"),
    # A card that was not bought has no cancellation window.
    ("Cancel", "CANCELLATION_WINDOW_CLOSED", "NOT_A_PURCHASED_CARD"),
    ("CancelPurchase", "CANCELLATION_WINDOW_CLOSED", "NOT_A_PURCHASED_CARD"),
}
# Neighbours in a call's list that exclude each other, as a card has one state.
EXCLUSIVE_NEIGHBOURS = {
    ("Validate", "CARD_CANCELLED", "CARD_REDEEMED"),
    ("Authorize", "CARD_CANCELLED", "CARD_REDEEMED"),
    ("Cancel", "CARD_CANCELLED", "CARD_REDEEMED"),
    ("Capture", "AUTHORIZATION_CAPTURED", "AUTHORIZATION_RELEASED"),
    ("ExtendAuthorization", "AUTHORIZATION_CAPTURED", "AUTHORIZATION_RELEASED"),
    ("Reverse", "AUTHORIZATION_RELEASED", "AUTHORIZATION_LAPSED"),
    ("Reverse", "AUTHORIZATION_LAPSED", "AUTHORIZATION_NOT_CAPTURED"),
    ("CancelPurchase", "CARD_CANCELLED", "CARD_REDEEMED"),
    ("ResendCard", "CARD_CANCELLED", "CARD_REDEEMED"),
    ("ResendCard", "PERSON_ERASED", "PERSON_RESTRICTED"),
    ("ApproveProposal", "PROPOSAL_CLOSED", "PROPOSAL_LAPSED"),
    ("RejectProposal", "PROPOSAL_CLOSED", "PROPOSAL_LAPSED"),
    ("WriteOffCard", "CARD_CANCELLED", "CARD_REDEEMED"),
    ("WriteOffCard", "CARD_REDEEMED", "CARD_EXPIRED"),
}

SINGLES = [
    pytest.param(call, wrong, id=f"{name} {wrong.reason.value}")
    for name, call in CALLS.items()
    for wrong in call.wrongs
]
PAIRS = {
    (name, first.reason.value, second.reason.value): (call, first, second)
    for name, call in CALLS.items()
    for first, second in combinations(call.wrongs, 2)
    if first.of != second.of
}


def test_the_reasons_are_those_of_the_contract_in_its_order() -> None:
    assert [reason.value for reason in Reason] == CONTRACT


@pytest.mark.parametrize("name", [*wrong_calls.CALLS, *ACTS, *DESK])
def test_the_proto_promises_the_same_reasons(name: str) -> None:
    services = (path.read_text(encoding="utf-8") for path in PROTOS.glob("*_service.proto"))
    before_call = next(text.split(rpc)[0] for text in services if (rpc := f"  rpc {name}(") in text)
    comment = before_call[before_call.rindex("Reasons:") :]
    promised = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", comment))
    if name == "Authorize":  # "Those of Validate as statuses, and ..."
        promised |= {wrong.reason.value for wrong in CALLS["Validate"].wrongs}
    decided = {wrong.reason.value for wrong in CALLS[name].wrongs}
    assert promised - set(BEFORE_THE_RULES) == decided


def test_the_proto_promises_the_same_reasons_for_a_confirmation() -> None:
    proto = (PROTOS / "refund_service.proto").read_text(encoding="utf-8")
    comment = proto.split("  rpc ConfirmRefund(")[0].rpartition("Reasons:")[2]
    promised = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", comment))
    decided = {wrong.reason.value for call in REFUNDS.values() for wrong in call.wrongs}
    assert promised - set(BEFORE_THE_RULES) == decided


def test_a_decline_leaves_no_trace_if_nothing_was_decided_about_a_card() -> None:
    assert {reason.value for reason in LEAVES_NO_TRACE} == {*CONTRACT[:6], "PROPOSAL_NOT_FOUND"}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_with_nothing_wrong_succeeds(name: str) -> None:
    assert CALLS[name].make().reason() is None


@pytest.mark.parametrize("name", CALLS)
def test_the_mistakes_of_a_call_are_in_the_order_of_the_contract(name: str) -> None:
    places = [CONTRACT.index(wrong.reason.value) for wrong in CALLS[name].wrongs]
    assert places == sorted(set(places))


@pytest.mark.parametrize(("call", "wrong"), SINGLES)
def test_one_mistake_is_declined_for_its_own_reason(call: Call, wrong: Wrong) -> None:
    situation = call.make()
    wrong.change(situation)
    assert situation.reason() is wrong.reason


@pytest.mark.parametrize(
    ("call", "first", "second"),
    [pytest.param(*PAIRS[pair], id=" ".join(pair)) for pair in PAIRS if pair not in IMPOSSIBLE],
)
def test_two_mistakes_are_declined_for_the_first_reason_in_the_contract(
    call: Call, first: Wrong, second: Wrong
) -> None:
    for one, other in ((first, second), (second, first)):
        situation = call.make()
        one.change(situation)
        other.change(situation)
        assert situation.reason() is first.reason


def test_every_two_neighbours_are_compared_unless_they_exclude_each_other() -> None:
    neighbours = {
        (name, first.reason.value, second.reason.value)
        for name, call in CALLS.items()
        for first, second in zip(call.wrongs, call.wrongs[1:], strict=False)
    }
    assert neighbours - set(PAIRS) == EXCLUSIVE_NEIGHBOURS
    assert set(PAIRS) > IMPOSSIBLE
