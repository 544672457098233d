"""Acts of Customer Service by a real server: done once, noted, and under four eyes (R28, R37)."""

from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import Any, Final

import grpc
import pytest
from google.type.date_pb2 import Date

from giftcard.v1 import gift_card_pb2, reason_pb2
from giftcard.v1 import gift_card_service_pb2 as gift_card_pb
from giftcard.v1 import refund_service_pb2 as refund_pb
from giftcard.v1 import support_service_pb2 as pb
from giftcard_server.settings import Settings
from giftcard_storage.database import connect
from giftcard_storage.people import forget
from giftcard_storage.schema import Request
from given.calls import sent
from given.calls.answered import is_replay, refusal
from given.calls.desk import ANNA, BEN, Desk, approval, by
from given.calls.shop import TIMEOUT_SECONDS
from given.servers.running import NOON, Clock

DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
ACTIVE = gift_card_pb2.CARD_STATE_ACTIVE
BLOCKED = gift_card_pb2.CARD_STATE_BLOCKED
CANCELLED = gift_card_pb2.CARD_STATE_CANCELLED
CANCELLED_BY_DESK = pb.TIMELINE_KIND_PURCHASE_CANCELLED
TODAY: Final = NOON.date()


def bought(desk: Desk) -> str:
    card_id: str = desk.bought().card.card_id
    return card_id


def reason_of(call: Any) -> str | None:
    return refusal(call).reason


def test_r37_a_blocked_card_pays_for_nothing_and_its_replacements_are_named(desk: Desk) -> None:
    issued = desk.bought()
    paid = desk.paid(issued.code)
    replaced = desk.call(sent.reverse(paid.authorization_id)).replacement
    again = desk.paid(replaced.code)
    last = desk.call(sent.reverse(again.authorization_id)).replacement
    answer = desk.block(issued.card.card_id, ground=pb.GROUND_FRAUD)
    assert [each.card_id for each in answer.replacements] == [
        replaced.card.card_id,
        last.card.card_id,
    ]
    assert {each.state for each in answer.replacements[1:]} == {ACTIVE}  # Each needs its own act.
    assert desk.block(last.card.card_id).card.state == BLOCKED
    assert reason_of(lambda: desk.held(last.code)) == "CARD_BLOCKED"


def test_an_act_is_done_once_however_often_it_is_sent(desk: Desk) -> None:
    card_id = bought(desk)
    request = pb.BlockCardRequest(request_id=sent.new_id(), card_id=card_id, **by(note="stolen"))
    first = desk.call(request)
    spelled = pb.BlockCardRequest()
    spelled.CopyFrom(request)
    spelled.request_id, spelled.card_id = request.request_id.upper(), card_id.upper()
    spelled.actor = f" {ANNA.upper()} "
    again, call = desk.support.BlockCard.with_call(spelled, timeout=TIMEOUT_SECONDS)
    assert again == first
    assert is_replay(call)
    assert desk.kinds(card_id) == ["ISSUE", "CARD_BLOCKED"]
    spelled.note = "another note"
    assert reason_of(lambda: desk.call(spelled)) == "REQUEST_ID_REUSED"


def test_a_proposal_is_carried_out_by_another_actor_and_by_nobody_else(
    desk: Desk, standing_clock: Clock
) -> None:
    card_id = bought(desk)
    desk.block(card_id)
    standing_clock.wait(MINUTE)
    request = pb.UnblockCardRequest(request_id=sent.new_id(), card_id=card_id, **by(note="sorry"))
    proposed = desk.call(request)
    assert not proposed.HasField("card")
    assert desk.call(request) == proposed  # Also when it is sent again.
    assert desk.shown(card_id).card.state == BLOCKED
    waiting = desk.call(pb.ListProposalsRequest()).proposals
    assert proposed.proposal_id in {each.proposal_id for each in waiting}
    same = (ANNA, f" {ANNA.upper()} ")
    assert {reason_of(partial(desk.approve, proposed.proposal_id, a)) for a in same} == {
        "SAME_ACTOR"
    }
    approved = approval(proposed.proposal_id)
    answer = desk.call(approved)
    assert answer.proposal.state == pb.PROPOSAL_STATE_CARRIED_OUT
    assert answer.card.state == ACTIVE
    assert desk.call(approved) == answer
    assert reason_of(lambda: desk.approve(proposed.proposal_id)) == "PROPOSAL_CLOSED"
    assert reason_of(lambda: desk.reject(proposed.proposal_id)) == "PROPOSAL_CLOSED"
    told = [
        (pb.TimelineKind.Name(each.kind).removeprefix("TIMELINE_KIND_"), each.actor, each.note)
        for each in desk.timeline(card_id)[2:]
    ]
    assert sorted(told) == [
        ("CARD_UNBLOCKED", ANNA, "sorry"),
        ("PROPOSAL_APPROVED", BEN, ""),
        ("PROPOSED", ANNA, "sorry"),
    ]


def test_a_proposal_is_closed_with_the_reason_for_which_the_rules_decline_it(desk: Desk) -> None:
    card_id = bought(desk)
    desk.block(card_id)
    first, second = (desk.unblock(card_id).proposal_id for _ in range(2))
    desk.approve(first)
    answer = desk.approve(second)
    assert answer.proposal.state == pb.PROPOSAL_STATE_DECLINED
    assert answer.proposal.reason == reason_pb2.REASON_CARD_NOT_BLOCKED
    shown = desk.call(pb.ListProposalsRequest(card_id=card_id)).proposals
    assert {each.proposal_id: each.state for each in shown} == {
        first: pb.PROPOSAL_STATE_CARRIED_OUT,
        second: pb.PROPOSAL_STATE_DECLINED,
    }
    # What the rules decline now is not even proposed.
    assert reason_of(lambda: desk.unblock(card_id)) == "CARD_NOT_BLOCKED"


def test_a_proposal_can_be_rejected_and_lapses_after_a_day(
    desk: Desk, standing_clock: Clock
) -> None:
    card_id = bought(desk)
    desk.block(card_id)
    rejected, lapsed = (desk.unblock(card_id).proposal_id for _ in range(2))
    answer = desk.reject(rejected, ANNA)  # Whoever proposed it may take it back.
    assert answer.proposal.state == pb.PROPOSAL_STATE_REJECTED
    assert answer.card.state == BLOCKED
    standing_clock.wait(DAY)
    assert reason_of(lambda: desk.approve(lapsed)) == "PROPOSAL_LAPSED"
    assert desk.call(pb.ListProposalsRequest()).proposals == []
    shown = desk.call(pb.ListProposalsRequest(card_id=card_id)).proposals
    assert {each.proposal_id: each.state for each in shown} == {
        rejected: pb.PROPOSAL_STATE_REJECTED,
        lapsed: pb.PROPOSAL_STATE_LAPSED,
    }
    assert reason_of(lambda: desk.approve("no-proposal")) == "PROPOSAL_NOT_FOUND"


def test_what_was_proposed_cannot_be_approved_once_a_person_of_the_card_is_erased(
    desk: Desk, desks_settings: Settings
) -> None:
    card_id = bought(desk)
    desk.block(card_id)
    proposal_id = desk.unblock(card_id, note="speaks of Amélie").proposal_id
    connection = connect(desks_settings.database_url)
    forget(connection, card_id)
    connection.close()
    answer = desk.approve(proposal_id)
    assert answer.proposal.reason == reason_pb2.REASON_PERSON_ERASED
    assert answer.card.state == BLOCKED
    assert {entry.note for entry in desk.timeline(card_id)} == {""}


def test_r37_written_off_value_goes_to_chargeback_after_a_second_pair_of_eyes(desk: Desk) -> None:
    issued = desk.bought()
    desk.held(issued.code, sent.order(30_00))
    card_id = issued.card.card_id
    desk.block(card_id, ground=pb.GROUND_CHARGEBACK)
    answer = desk.approve(desk.write_off(card_id).proposal_id)
    assert answer.card.state == CANCELLED
    kinds = desk.kinds(card_id)
    assert kinds[-2:] == ["RELEASE", "CHARGE_BACK"]
    assert not {"EXPIRE", "FORFEIT"} & set(kinds)


def cancellation(purchase: gift_card_pb.IssueRequest, **changes: Any) -> pb.CancelPurchaseRequest:
    fields: dict[str, Any] = {
        "request_id": sent.new_id(),
        "market": "fr",
        "purchase_order_id": purchase.purchase.order_id,
        "purchaser_email": f" {purchase.purchaser.email.upper()}",
    }
    return pb.CancelPurchaseRequest(**(fields | by() | changes))


def test_r28_a_buyer_without_the_code_cancels_by_number_and_address_and_is_owed_money(
    desk: Desk, desks_settings: Settings
) -> None:
    purchase = sent.issue(40_00)
    card_id = desk.call(purchase).card.card_id
    request = cancellation(purchase)
    answer = desk.call(request)
    assert answer.card.state == CANCELLED
    assert answer.refund.amount.amount_minor == 40_00
    assert answer.refund.payment_reference == purchase.purchase.payment_reference
    due = desk.call(refund_pb.ListRefundsDueRequest(market="fr")).refunds_due
    assert card_id in {each.card_id for each in due}
    connection = connect(desks_settings.database_url)
    forget(connection, card_id)
    connection.close()
    assert desk.call(request) == answer  # However late, and though nobody can be asked again.
    assert desk.kinds(card_id) == ["ISSUE", "PURCHASE_CANCELLED", "CANCEL"]


def test_r25_the_day_on_which_a_buyer_without_the_code_cancelled_is_kept_as_evidence(
    desk: Desk, desks_settings: Settings
) -> None:
    purchase = sent.issue()
    desk.call(purchase)
    request = cancellation(
        purchase, exercised_on=Date(year=TODAY.year, month=TODAY.month, day=TODAY.day)
    )
    desk.call(request)
    with closing(connect(desks_settings.database_url)) as connection:
        query = Request.select(Request.exercised_on).where(Request.request_id == request.request_id)
        assert list(query.tuples().execute(connection)) == [(TODAY.isoformat(),)]


@pytest.mark.parametrize(("actor", "note"), [("", ""), ("Anna", ""), ("Anna", "called from Lyon")])
def test_who_cancelled_with_the_code_is_told_where_the_request_says_so(
    desk: Desk, actor: str, note: str
) -> None:
    purchase = sent.issue()
    issued = desk.call(purchase)
    request = sent.cancel(issued.code, purchase.purchase.order_id)
    request.actor, request.note = actor, f"the code is {issued.code}"
    assert refusal(partial(desk.call, request)).fields == ("note",)
    request.note = note
    answer = desk.call(request)
    assert desk.call(request) == answer
    told = [each for each in desk.timeline(issued.card.card_id) if each.actor]
    expected = [(CANCELLED_BY_DESK, actor, note)] if actor else []
    assert [(each.kind, each.actor, each.note) for each in told] == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"purchaser_email": sent.FRIEND.email},  # The recipient's is not the purchaser's.
        {"purchase_order_id": "purchase-of-nobody"},
        {"market": "be"},
    ],
)
def test_r28_a_wrong_address_is_answered_as_a_wrong_number_is(
    desk: Desk, standing_clock: Clock, changes: dict[str, Any]
) -> None:
    purchase = sent.issue()
    desk.call(purchase)
    wrong = refusal(lambda: desk.call(cancellation(purchase, **changes)))
    assert (wrong.status, wrong.reason) == (grpc.StatusCode.NOT_FOUND, "CARD_NOT_FOUND")
    assert wrong.details == {}


WRONG: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "no actor": ({"actor": " "}, "actor"),
    "a long actor": ({"actor": "a" * 129}, "actor"),
    "no ground": ({"ground": 0}, "ground"),
    "an unknown ground": ({"ground": 99}, "ground"),
    "a long note": ({"note": "n" * 501}, "note"),
    "a code in the note": ({"note": "it was ABCD-EFGH-JKM1-NPQ2"}, "note"),
    "a code as an actor": ({"actor": "ABCD-EFGH-JKM1-NPQ2"}, "actor"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_whoever_acts_says_who_and_why_and_writes_no_code(desk: Desk, mistake: str) -> None:
    changes, field = WRONG[mistake]
    card_id = "a" * 32
    fields = {"card_id": card_id, **by(), **changes}
    acts = (
        pb.BlockCardRequest(request_id=sent.new_id(), **fields),
        pb.UnblockCardRequest(request_id=sent.new_id(), **fields),
        pb.WriteOffCardRequest(request_id=sent.new_id(), **fields),
        pb.GetCardRequest(open_people=True, **fields),
    )
    for request in acts:
        wrong = refusal(partial(desk.call, request))
        assert wrong.status is grpc.StatusCode.INVALID_ARGUMENT
        assert wrong.fields == (field,)


def test_a_corrected_address_holds_no_code(desk: Desk) -> None:
    resend = partial(desk.resend, "a" * 32, corrected_email="ABCD-EFGH-JKM1-NPQ2@example.com")
    assert refusal(resend).fields == ("corrected_email",)


def test_a_card_of_a_market_that_is_not_mailed_is_sent_again_to_nobody(desk: Desk) -> None:
    card_id = bought(desk)
    wrong = refusal(lambda: desk.resend(card_id))
    assert (wrong.status, wrong.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ("card_id",))
