"""A sandbox, with nothing but what integrators have: all that the rules say of time, and faults.

The server runs in a process of its own, and is moved further by each test. So every test makes its
own cards and asks the sandbox for the time.
"""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import grpc
import pytest

from giftcard.v1 import sandbox_service_pb2, sandbox_service_pb2_grpc
from giftcard_client import (
    ActingAs,
    AuthorizationState,
    CardState,
    Contact,
    Declined,
    Events,
    EventType,
    GiftCards,
    Ground,
    InvalidRequest,
    Money,
    Order,
    OrderLine,
    PersonRole,
    Privacy,
    Purchase,
    Reason,
    ReverseReason,
    Sandbox,
    SandboxCardState,
    TimedOut,
    Unavailable,
    Who,
)
from giftcard_client.testing.letters import subject_of
from giftcard_client.testing.server import TemporaryServer, temporary_server
from given.calls.shop import TIMEOUT_SECONDS
from given.house import ROOT
from given.servers.giftcard_command import giftcard

pytestmark = pytest.mark.xdist_group("sandbox")

SHOPPER = Contact("shopper@example.com", "Sam")
OF_FRANCE = {"fr": {"reminder_days": 30, "retention": {"people_days": 60}}}
SETTINGS = {"GIFTCARD_MARKETS": json.dumps(OF_FRANCE)}
SECOND = timedelta(seconds=1)
PAYS, UNAVAILABLE_TWICE, LATE, ANSWER_LOST, HELD_FOR_NOW = (
    "TEST-CARD-0900-0006",
    "TEST-CARD-0901-000P",
    "TEST-CARD-0902-0003",
    "TEST-CARD-0903-000K",
    "TEST-CARD-0904-000C",
)
PAGE = (ROOT / "docs" / "sandbox.md").read_text("utf-8")
DOCUMENTED = dict(re.findall(r"^\| `(TEST-[^`]+)` \| (.+) \|$", PAGE, re.MULTILINE))


@pytest.fixture(scope="module")
def server() -> Iterator[TemporaryServer]:
    with temporary_server(sandbox=True, settings=SETTINGS) as running:
        yield running
        assert running.audit().returncode == 0


@pytest.fixture
def sandbox(server: TemporaryServer) -> Iterator[Sandbox]:
    with Sandbox(server.target, timeout_seconds=TIMEOUT_SECONDS) as client:
        yield client


@pytest.fixture
def cards(server: TemporaryServer) -> Iterator[GiftCards]:
    with GiftCards(server.target, timeout_seconds=TIMEOUT_SECONDS) as client:
        yield client


def order(amount_minor: int = 50_00) -> Order:
    total = Money(amount_minor)
    return Order(f"order-{uuid4()}", total, [OrderLine("books", total)])


def reason_of(cards: GiftCards, code: str) -> Reason | None:
    seen = cards.validate(code, market="fr", order=order())
    return None if seen.usable else seen.reason


def test_r12_a_card_expires_at_its_instant_and_its_event_follows(
    server: TemporaryServer, cards: GiftCards, sandbox: Sandbox
) -> None:
    made = sandbox.make_card(SandboxCardState.ACTIVE)
    with Events(server.target, timeout_seconds=TIMEOUT_SECONDS) as events:
        before = events.read().last_position
    moved = sandbox.advance(to=made.card.expire_time - 10 * SECOND)
    assert (moved.caught_up, reason_of(cards, made.code)) == (True, None)
    sandbox.advance(to=made.card.expire_time)
    seen = cards.validate(made.code, market="fr")
    assert seen.reason is Reason.CARD_EXPIRED
    assert seen.card is not None
    assert seen.card.state is CardState.EXPIRED
    with Events(server.target, timeout_seconds=TIMEOUT_SECONDS) as events:
        told = events.read(before, types=[EventType.CARD_EXPIRED]).events
    (expired,) = (each for each in told if each.card_id == made.card.card_id)
    assert expired.occur_time >= made.card.expire_time


def test_r34_a_hold_lapses_at_its_instant(cards: GiftCards, sandbox: Sandbox) -> None:
    made = sandbox.make_card(SandboxCardState.HELD)
    held = cards.authorization(made.authorization_id).authorization
    sandbox.advance(to=held.expire_time - 10 * SECOND)
    assert reason_of(cards, made.code) is Reason.CARD_HELD
    sandbox.advance(to=held.expire_time)
    assert reason_of(cards, made.code) is None
    with pytest.raises(Declined) as declined:
        cards.capture(made.authorization_id)
    assert declined.value.reason is Reason.AUTHORIZATION_LAPSED


def test_r21_a_change_of_mind_has_thirty_days(cards: GiftCards, sandbox: Sandbox) -> None:
    in_time, too_late = (
        sandbox.make_card(SandboxCardState.REDEEMED).authorization_id for _ in range(2)
    )
    delivered_on = sandbox.clock().time.date()
    sandbox.advance(by=timedelta(days=29))
    mind = ReverseReason.CHANGE_OF_MIND
    cards.reverse(in_time, reason=mind, delivered_on=delivered_on)
    # Day 30 may be a Saturday before holidays, and so end a few days later.
    sandbox.advance(by=timedelta(days=8))
    with pytest.raises(Declined) as declined:
        cards.reverse(too_late, reason=mind, delivered_on=delivered_on)
    assert declined.value.reason is Reason.RETURN_WINDOW_CLOSED
    assert datetime.fromisoformat(declined.value.facts["deadline"]) < sandbox.clock().time


def test_r25_a_purchase_can_be_cancelled_for_fourteen_days(
    cards: GiftCards, sandbox: Sandbox
) -> None:
    in_time, too_late = (sandbox.make_card(SandboxCardState.ACTIVE) for _ in range(2))
    sandbox.advance(by=timedelta(days=13))
    cards.cancel(in_time.code, purchase_order_id=in_time.purchase_order_id)
    sandbox.advance(by=timedelta(days=8))
    with pytest.raises(Declined) as declined:
        cards.cancel(too_late.code, purchase_order_id=too_late.purchase_order_id)
    assert declined.value.reason is Reason.CANCELLATION_WINDOW_CLOSED


def test_a_reminder_leaves_on_its_day_and_people_are_erased_after_theirs(
    server: TemporaryServer, cards: GiftCards, sandbox: Sandbox
) -> None:
    buyer = Contact(f"{uuid4().hex}@example.com", "Zoe")
    purchase = Purchase(f"purchase-{uuid4()}", f"psp-{uuid4()}")
    issued = cards.issue(market="fr", amount=Money(50_00), purchase=purchase, purchaser=buyer)
    sandbox.advance(by=timedelta(hours=1))
    before = letters_to(server, buyer.email)
    sandbox.advance(to=issued.card.expire_time - timedelta(days=31))
    assert letters_to(server, buyer.email) == before
    sandbox.advance(by=timedelta(days=2))
    (reminder,) = letters_to(server, buyer.email) - before
    assert (bool(before), bool(reminder)) == (True, True)
    acting = ActingAs(actor="anna", ground=Ground.CUSTOMER_REQUEST)
    who = Who(card_id=issued.card.card_id, role=PersonRole.PURCHASER)
    with Privacy(server.target, timeout_seconds=TIMEOUT_SECONDS) as privacy:
        assert buyer.email in json.dumps(privacy.export(who, acting).document)
        # So long after the card has ended, and a day for the step that books its end (R31).
        sandbox.advance(to=issued.card.expire_time + timedelta(days=61))
        try:
            left = json.dumps(privacy.export(who, acting).document)
        except Declined as declined:
            left = declined.name
    assert buyer.email not in left


def letters_to(server: TemporaryServer, address: str) -> set[str]:
    """The subjects of the e-mails to an address that were sent by now."""
    return {subject_of(each) for each in server.letters.to(address)}


@pytest.mark.parametrize(
    ("wanted", "state", "reason"),
    [
        (SandboxCardState.ACTIVE, CardState.ACTIVE, None),
        (SandboxCardState.HELD, CardState.HELD, Reason.CARD_HELD),
        (SandboxCardState.LAPSED, CardState.ACTIVE, None),
        (SandboxCardState.REDEEMED, CardState.REDEEMED, Reason.CARD_REDEEMED),
        (SandboxCardState.EXPIRED, CardState.EXPIRED, Reason.CARD_EXPIRED),
        (SandboxCardState.BLOCKED, CardState.BLOCKED, Reason.CARD_BLOCKED),
        (SandboxCardState.CANCELLED, CardState.CANCELLED, Reason.CARD_CANCELLED),
    ],
)
def test_a_card_is_made_in_each_state_and_only_once(
    cards: GiftCards,
    sandbox: Sandbox,
    wanted: SandboxCardState,
    state: CardState,
    reason: Reason | None,
) -> None:
    request_id = uuid4()
    made, again = (sandbox.make_card(wanted, request_id=request_id) for _ in range(2))
    assert made.card.state is state
    assert reason_of(cards, made.code) is reason
    assert (again.code, again.authorization_id) == (made.code, made.authorization_id)


def test_a_card_that_cannot_be_made_is_declined_or_refused(sandbox: Sandbox) -> None:
    with pytest.raises(Declined) as declined:
        sandbox.make_card(SandboxCardState.ACTIVE, amount=Money(19_99))
    assert declined.value.reason is Reason.AMOUNT_OUT_OF_RANGE
    with pytest.raises(InvalidRequest, match="market"):
        sandbox.make_card(SandboxCardState.ACTIVE, market="xx")
    request_id = uuid4()
    sandbox.make_card(SandboxCardState.ACTIVE, request_id=request_id)
    with pytest.raises(Declined) as reused:
        sandbox.make_card(SandboxCardState.BLOCKED, request_id=request_id)
    assert reused.value.reason is Reason.REQUEST_ID_REUSED


def test_the_clock_goes_forward_only(sandbox: Sandbox) -> None:
    before = sandbox.clock()
    assert sandbox.advance(to=datetime(2020, 1, 1, tzinfo=UTC)).time >= before.time
    assert sandbox.clock().ahead == before.ahead
    with pytest.raises(InvalidRequest, match="ten years"):
        sandbox.advance(by=timedelta(days=4000))
    with pytest.raises(TypeError, match="by or to"):
        sandbox.advance()
    with pytest.raises(TypeError, match="aware"):
        sandbox.advance(to=datetime(2030, 1, 1))  # noqa: DTZ001 - that is the mistake


def test_a_code_for_each_reason_is_declined_with_it(cards: GiftCards) -> None:
    reasons = {code: what for code, what in DOCUMENTED.items() if what in Reason.__members__}
    assert len(reasons) == 20
    for code, reason in reasons.items():
        seen = cards.validate(code, market="fr", order=order())
        with pytest.raises(Declined) as declined:
            cards.authorize(code, market="fr", order=order(), customer=SHOPPER)
        with pytest.raises(Declined) as not_cancelled:
            cards.cancel(code, purchase_order_id="purchase-1")
        named = {str(seen.reason), declined.value.name, not_cancelled.value.name}
        assert (seen.usable, named) == (False, {reason})


def test_codes_that_pay_fail_first_or_late(server: TemporaryServer, cards: GiftCards) -> None:
    for code in (PAYS, UNAVAILABLE_TWICE, ANSWER_LOST):
        wanted = order()
        assert cards.validate(code, market="fr", order=wanted).usable
        authorized = cards.authorize(code, market="fr", order=wanted, customer=SHOPPER)
        assert authorized.authorization.state is AuthorizationState.OPEN
        # The client has tried again by itself, and what was decided is told once more.
        assert authorized.replayed is (code == ANSWER_LOST)
    late, began = order(), time.monotonic()
    with GiftCards(server.target, timeout_seconds=1.0) as impatient:
        with pytest.raises((TimedOut, Unavailable)) as lost:
            impatient.authorize(LATE, market="fr", order=late, customer=SHOPPER)
        shown = impatient.authorizations("fr", late.order_id).authorizations
    assert lost.value.request_id
    assert [each.state for each in shown] == [AuthorizationState.OPEN]
    authorized = cards.authorize(
        LATE, market="fr", order=late, customer=SHOPPER, request_id=lost.value.request_id
    )
    assert authorized.replayed
    assert time.monotonic() - began > 5


def test_a_decline_changes_once_the_clock_was_moved(cards: GiftCards, sandbox: Sandbox) -> None:
    wanted = order()
    with pytest.raises(Declined) as declined:
        cards.authorize(HELD_FOR_NOW, market="fr", order=wanted, customer=SHOPPER)
    assert declined.value.reason is Reason.CARD_HELD
    sandbox.advance(to=datetime.fromisoformat(declined.value.facts["hold_expire_time"]))
    authorized = cards.authorize(HELD_FOR_NOW, market="fr", order=wanted, customer=SHOPPER)
    assert authorized.authorization.order_id == wanted.order_id


def test_every_answer_of_a_sandbox_says_so(server: TemporaryServer) -> None:
    with grpc.insecure_channel(server.target) as channel:
        stub = sandbox_service_pb2_grpc.SandboxServiceStub(channel)
        _, answered = stub.GetClock.with_call(sandbox_service_pb2.GetClockRequest())
        with pytest.raises(grpc.RpcError) as refused:
            stub.AdvanceClock(sandbox_service_pb2.AdvanceClockRequest())
    for call in (answered, refused.value):
        assert ("giftcard-sandbox", "true") in list(call.trailing_metadata() or ())


def test_the_command_line_moves_the_clock_and_makes_cards(server: TemporaryServer) -> None:
    before = json.loads(giftcard("sandbox-clock", "-o", "json", "--target", server.target).stdout)
    moved = giftcard(
        "sandbox-clock", "--forward-days", "2", "-o", "json", "--target", server.target
    )
    assert json.loads(moved.stdout)["ahead"] - before["ahead"] == pytest.approx(2 * 86400, abs=60)
    shown = giftcard("sandbox-card", "--state", "blocked", "--target", server.target)
    assert ("BLOCKED" in shown.stdout, "hidden" in shown.stdout) == (True, True)
