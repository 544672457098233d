"""What was held back goes out once its reason is gone, and not to a corrected address."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from giftcard_rules.act_commands import ResendCard
from giftcard_rules.cards import Card
from giftcard_rules.commands import BlockCard, CatchUp, UnblockCard
from giftcard_rules.decisions import PersonRole
from giftcard_rules.deliveries import DeliveryKind, DeliveryState
from giftcard_rules.person_acts import Restricted, Slot
from giftcard_storage.deliveries import StoredDelivery
from giftcard_storage.personal.changing import PersonChanges
from giftcard_storage.transactions import writing
from given.desk_calls import act_on
from given.made_facts import BUYER, FRIEND, RING, SHOPPER, code_of, order
from given.servers.mail_flow import MailFlow
from given.servers.mailbox import Mailbox


def claimed(flow: MailFlow, kind: DeliveryKind = DeliveryKind.CARD) -> StoredDelivery:
    """Claim everything, and return the one of a kind."""
    found = flow.outbox.claim({"fr"}, 10, flow.books.now, timedelta(minutes=1))
    (wanted,) = (each for each in found if each.kind is kind)
    flow.outbox.let_go([each for each in found if each.kind is not kind])
    return wanted


def lift(flow: MailFlow, card: Card) -> None:
    flow.books.decide(UnblockCard(card.card_id, restore_validity=True))


def restrict(flow: MailFlow, slot: Slot, *, is_restricted: bool = True) -> None:
    with writing(flow.connection):
        change = Restricted(slot, is_restricted=is_restricted)
        PersonChanges(RING).save(flow.connection, [change], flow.books.now)


@pytest.mark.parametrize("held_back_by", ["blocked", "expired"])
def test_r37_a_block_that_outlasts_the_validity_is_lifted_and_the_card_goes_out(
    flow: MailFlow, box: Mailbox, held_back_by: str
) -> None:
    card = flow.books.bought(recipient=FRIEND)
    flow.follow()
    flow.books.decide(BlockCard(card.card_id))
    if held_back_by == "blocked":
        flow.round()
    flow.books.now = card.expires_at
    flow.books.decide(CatchUp(card.card_id))
    flow.round()
    assert ("card", "suppressed", held_back_by) in flow.deliveries(card.card_id)
    lift(flow, card)  # One decision, which reinstates the card as well.
    flow.round()
    assert flow.only(card.card_id, "card").state is DeliveryState.SENT
    assert [each.recipient for each in box.arrived].count(FRIEND.email) == 1


def unblocked(flow: MailFlow, card: Card) -> None:
    lift(flow, card)
    flow.follow()


def permitted(flow: MailFlow, card: Card) -> None:
    restrict(flow, Slot(card.card_id, PersonRole.RECIPIENT), is_restricted=False)


@pytest.mark.parametrize("gone", [unblocked, permitted])
def test_what_holds_a_message_back_may_go_while_the_message_is_looked_at(
    flow: MailFlow, box: Mailbox, gone: Callable[[MailFlow, Card], None]
) -> None:
    card = flow.books.bought(recipient=FRIEND)
    flow.follow()
    if gone is unblocked:
        flow.books.decide(BlockCard(card.card_id))
    else:
        restrict(flow, Slot(card.card_id, PersonRole.RECIPIENT))
    looked_at = claimed(flow)
    ending = flow.dispatch.send(looked_at, flow.books.now)
    assert ending is not None
    assert ending.state is DeliveryState.SUPPRESSED
    gone(flow, card)
    flow.worker._unnoted.append((looked_at, ending, flow.books.now))
    flow.round()
    assert flow.only(card.card_id, "card").state is DeliveryState.SENT
    assert [each.recipient for each in box.arrived].count(FRIEND.email) == 1


@pytest.mark.one_database
def test_what_a_block_has_held_back_for_days_is_tried_for_three_days_from_then_on(
    flow: MailFlow, box: Mailbox
) -> None:
    card = flow.books.bought()
    box.relay.acts["DOT"] = "451 4.7.1 greylisted"
    flow.round()
    flow.books.decide(BlockCard(card.card_id))
    flow.books.wait(timedelta(days=5))
    flow.round()
    lift(flow, card)
    flow.round()
    assert flow.only(card.card_id, "card").state is DeliveryState.DEFERRED
    box.relay.acts.clear()
    flow.books.wait(timedelta(minutes=5))
    flow.round()
    assert flow.only(card.card_id, "card").state is DeliveryState.SENT


@pytest.mark.one_database
def test_r32_what_a_restriction_has_held_back_goes_out_once_it_is_lifted(
    flow: MailFlow, box: Mailbox
) -> None:
    books = flow.books
    card = books.bought(recipient=FRIEND)
    friend = Slot(card.card_id, PersonRole.RECIPIENT)
    restrict(flow, friend)
    flow.round()
    assert ("card", "suppressed", "restricted") in flow.deliveries(card.card_id)
    restrict(flow, friend, is_restricted=False)
    flow.round()
    assert flow.only(card.card_id, "card").state is DeliveryState.SENT

    paid = books.paid(card, order(50_00))
    shopper = Slot(card.card_id, PersonRole.CUSTOMER, paid.authorization_id)
    restrict(flow, shopper)
    back = books.reversed(paid).replacement
    assert back is not None
    flow.round()
    assert flow.deliveries(back.card_id) == [("replacement", "suppressed", "restricted")]
    restrict(flow, shopper, is_restricted=False)
    flow.round()
    assert flow.deliveries(back.card_id) == [("replacement", "sent", None)]
    expected = [BUYER.email, FRIEND.email, SHOPPER.email]
    assert sorted(each.recipient for each in box.arrived) == sorted(expected)


@pytest.mark.parametrize("waits", ["for its morning", "for the relay"])
def test_r8_a_card_that_waits_never_goes_to_an_address_that_was_corrected(
    flow: MailFlow, box: Mailbox, waits: str
) -> None:
    books = flow.books
    if waits == "for its morning":
        day = (books.now + timedelta(days=2)).date()
        card = books.bought(recipient=FRIEND, deliver_on=day)
        flow.round()
    else:
        card = books.bought(recipient=FRIEND)
        box.relay.acts["DOT"] = "451 4.7.1 greylisted"
        flow.round()
        box.relay.acts.clear()
    books.decide(act_on(ResendCard(card.card_id, "corrected@example.com")))
    books.wait(timedelta(days=3))
    flow.round()
    with_code = [each for each in box.arrived if code_of(card).shown in each.text]
    assert [each.recipient for each in with_code] == ["corrected@example.com"]
    assert ("card", "suppressed", "corrected") in flow.deliveries(card.card_id)
