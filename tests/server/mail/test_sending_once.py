"""Each message is sent once, or parked with the reason; and the moments that may repeat one."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from giftcard_rules.deliveries import DeliveryKind, DeliveryState
from giftcard_server.mail import following
from giftcard_server.mail.smtp import SmtpTransport
from giftcard_storage.deliveries import StoredDelivery
from giftcard_storage.deliveries.following import FollowedEvents
from giftcard_storage.deliveries.waiting import retry
from given.databases.kinds import Place
from given.made_facts import order
from given.servers.mail_flow import MailFlow, mail_flow
from given.servers.mailbox import Mailbox
from given.servers.smtp_server import KEEP_AND_CLOSE, KEEP_AND_HANG


def test_a_delivery_that_is_followed_again_is_not_made_again(flow: MailFlow, box: Mailbox) -> None:
    card = flow.books.bought()
    flow.round()
    before = flow.deliveries(card.card_id)
    flow.connection.execute_sql("UPDATE mail_position SET position = 0")
    flow.follower._saved = None
    flow.round()
    assert flow.deliveries(card.card_id) == before
    assert len(box.arrived) == 2


def test_a_refused_message_is_parked_and_leaves_once_an_operator_says_so(
    flow: MailFlow, box: Mailbox
) -> None:
    box.relay.acts["DOT"] = "550 5.1.1 no such user <amelie@example.com>"
    card = flow.books.bought()
    flow.round()
    delivery = flow.only(card.card_id, "card")
    assert (delivery.state, delivery.smtp_code) == (DeliveryState.PARKED, 550)
    assert "@" not in (delivery.reason or "@")
    box.relay.acts.clear()
    flow.round()
    assert box.arrived == []
    retry(flow.connection, delivery.delivery_id, flow.books.now)
    flow.round()
    assert len(box.of(delivery.delivery_id)) == 1
    assert flow.only(card.card_id, "card").state is DeliveryState.SENT


@pytest.mark.one_database
def test_a_message_is_tried_for_three_days_and_then_parked(flow: MailFlow, box: Mailbox) -> None:
    box.relay.acts["DOT"] = "451 4.7.1 greylisted"
    card = flow.books.bought()
    began_at, tries = flow.books.now, 0
    flow.round()
    while (delivery := flow.only(card.card_id, "card")).state is DeliveryState.DEFERRED:
        assert flow.books.now < delivery.next_try_at <= began_at + timedelta(days=3)
        flow.books.now = delivery.next_try_at
        flow.round()
        tries += 1
    assert delivery.state is DeliveryState.PARKED
    assert flow.books.now == began_at + timedelta(days=3)
    assert 15 < tries < 60
    assert delivery.tries == tries + 1


def closed_after_the_final_dot(flow: MailFlow, box: Mailbox) -> None:
    """The mail server takes the message, and closes the connection in the place of an answer."""
    box.relay.acts["DOT"] = KEEP_AND_CLOSE
    flow.round()
    box.relay.acts.clear()


def hang_after_the_final_dot(flow: MailFlow, box: Mailbox) -> None:
    """The mail server takes the message, and never answers."""
    transport = flow.dispatch._posts["fr"].transport
    assert isinstance(transport, SmtpTransport)
    patient = transport._relay
    transport._relay = replace(patient, step_seconds=0.3)
    box.relay.acts["DOT"] = KEEP_AND_HANG
    flow.round()
    box.relay.acts.clear()
    transport._relay = patient


def crash_before_noting(flow: MailFlow, _box: Mailbox) -> None:
    """A server sends, and is gone before it has noted that."""
    claim_and_send(flow)


def frozen_beyond_its_lease(flow: MailFlow, _box: Mailbox) -> None:
    """A server is frozen after its claim; another one sends, then the first one goes on."""
    flow.follow()
    (claimed,) = claim_all(flow)
    let_claims_end(flow)
    flow.worker.deliver()
    ending = flow.dispatch.send(claimed, flow.books.now)
    assert ending is not None
    assert not flow.outbox.end(claimed, ending, flow.books.now)


def claim_all(flow: MailFlow) -> list[StoredDelivery]:
    claimed = flow.outbox.claim({"fr"}, 10, flow.books.now, timedelta(minutes=1))
    return [each for each in claimed if each.kind is DeliveryKind.CARD]


def claim_and_send(flow: MailFlow) -> None:
    flow.follow()
    for claimed in claim_all(flow):
        ending = flow.dispatch.send(claimed, flow.books.now)
        assert ending is not None
        assert ending.state is DeliveryState.SENT


def let_claims_end(flow: MailFlow) -> None:
    flow.connection.execute_sql("UPDATE delivery SET claimed_until = 1 WHERE state = 'sending'")


@pytest.mark.parametrize(
    "moment",
    [
        closed_after_the_final_dot,
        hang_after_the_final_dot,
        crash_before_noting,
        frozen_beyond_its_lease,
    ],
)
def test_the_moments_that_may_repeat_a_message_repeat_it_with_the_same_message_id(
    flow: MailFlow, box: Mailbox, moment: Callable[[MailFlow, Mailbox], None]
) -> None:
    card = flow.books.bought()
    moment(flow, box)
    let_claims_end(flow)
    flow.books.wait(timedelta(minutes=5))
    for _ in range(2):
        flow.round()
    assert flow.only(card.card_id, "card").state is DeliveryState.SENT
    # Of the card's two messages one was repeated, and its card's people can tell that.
    assert sorted(Counter(each.message_id for each in box.arrived).values()) == [1, 2]


def test_a_claim_that_has_not_ended_is_nobody_elses(flow: MailFlow, box: Mailbox) -> None:
    card = flow.books.bought()
    flow.follow()
    (claimed,) = claim_all(flow)
    flow.worker.deliver()
    assert box.of(claimed.delivery_id) == []
    flow.outbox.let_go([claimed])
    flow.worker.deliver()
    assert len(box.of(claimed.delivery_id)) == 1
    assert flow.only(card.card_id, "card").state is DeliveryState.SENT


@pytest.mark.one_database
def test_a_server_that_is_paused_sends_nothing(flow: MailFlow, box: Mailbox) -> None:
    flow.may_send = False
    flow.books.bought()
    flow.round()
    assert box.arrived == []
    flow.may_send = True
    flow.round()
    assert len(box.arrived) == 2


@pytest.mark.one_database
def test_an_event_of_a_market_that_a_server_does_not_know_is_left_to_another(
    flow: MailFlow, box: Mailbox
) -> None:
    flow.books.bought()
    flow.follower._markets = {}
    flow.round()
    assert len(box) == 0
    flow.follower._markets = flow.books.markets
    flow.round()
    assert len(box) == 2


@pytest.mark.one_database
def test_a_market_is_mailed_from_the_day_on_which_that_is_set(place: Place, box: Mailbox) -> None:
    with mail_flow(place, box, mail="none") as before:
        before.books.bought()
        before.round()
    with mail_flow(place, box) as flow:
        flow.books.bought()
        flow.round()
    assert len(box) == 2


@pytest.mark.one_database
def test_the_position_is_saved_where_nothing_calls_for_a_message_as_well(
    flow: MailFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "SAVED_EVERY", 3)
    books = flow.books
    card = books.bought()
    flow.round()
    before = FollowedEvents(flow.connection).position()
    for number, saved in ((1, 0), (2, 0), (3, 3)):
        books.authorized(card, order(30_00 + number))  # Each replaces the hold before.
        flow.round()
        assert FollowedEvents(flow.connection).position() >= before + saved
    assert flow.deliveries(card.card_id) == [
        ("card", "sent", None),
        ("confirmation", "sent", None),
    ]
