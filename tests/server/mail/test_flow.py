"""From a card to the messages about it: who gets which, once, and what is held back."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from giftcard_rules.cards import Card
from giftcard_rules.commands import BlockCard, Contact, UnblockCard
from giftcard_rules.deliveries import DeliveryKind, DeliveryState
from giftcard_storage.deliveries import StoredDelivery
from giftcard_storage.deliveries.waiting import retry, waiting
from giftcard_storage.people import forget
from given.databases.kinds import Place
from given.databases.stored_books import StoredBooks
from given.made_facts import BUYER, FRIEND, SHOPPER, cancel, code_of, order
from given.servers.mail_flow import MailFlow, mail_flow
from given.servers.mailbox import TAKEN, Mailbox, mailbox


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as made:
        yield made


@pytest.fixture
def flow(place: Place, box: Mailbox) -> Iterator[MailFlow]:
    with mail_flow(place, box) as made:
        yield made


def bought(books: StoredBooks) -> Card:
    return books.bought()


def given_away(books: StoredBooks) -> Card:
    return books.bought(recipient=FRIEND, message="Bon anniversaire, Bruno !")


def captured_in_part(books: StoredBooks) -> Card:
    hold = books.authorized(books.bought(), order(50_00))
    back = books.captured(hold, 20_00).replacement
    assert back is not None
    return back


def refunded(books: StoredBooks) -> Card:
    back = books.reversed(books.paid(books.bought(), order(50_00))).replacement
    assert back is not None
    return back


def refunded_to_a_friend(books: StoredBooks) -> Card:
    paid = books.paid(books.bought(), order(50_00))
    back = books.reversed(paid, beneficiary=FRIEND).replacement
    assert back is not None
    return back


def cancelled(books: StoredBooks) -> Card:
    card = books.bought()
    books.decide(cancel(card))
    return card


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("play", "arrives"),
    [
        (bought, {"card": BUYER, "confirmation": BUYER}),
        (given_away, {"card": FRIEND, "confirmation": BUYER}),
        (captured_in_part, {"replacement": SHOPPER}),
        (refunded, {"replacement": SHOPPER}),
        (refunded_to_a_friend, {"replacement": FRIEND}),
        (cancelled, {"cancellation": BUYER}),
    ],
)
def test_r8_r9_r23_r27_each_message_reaches_its_person_once_and_the_code_with_the_card_alone(
    flow: MailFlow, box: Mailbox, play: Callable[[StoredBooks], Card], arrives: dict[str, Contact]
) -> None:
    card = play(flow.books)
    for _ in range(2):  # A second round finds nothing to do.
        flow.round()
    code = code_of(card).shown
    for kind, person in arrives.items():
        (arrived,) = box.of(flow.only(card.card_id, kind).delivery_id)
        assert arrived.recipient == person.email
        assert (code in arrived.text) == (kind in {"card", "replacement"})
    assert len({each.message_id for each in box.arrived}) == len(box.arrived)


def block(books: StoredBooks, card: Card) -> None:
    books.decide(BlockCard(card.card_id))


def use(books: StoredBooks, card: Card) -> None:
    books.paid(card, order(50_00))


def call_off(books: StoredBooks, card: Card) -> None:
    books.decide(cancel(card))


def let_expire(books: StoredBooks, card: Card) -> None:
    books.now = card.expires_at


def erase(books: StoredBooks, card: Card) -> None:
    forget(books.store._database, card.card_id)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("happens", "card_ends", "confirmation_ends"),
    [
        (block, ("suppressed", "blocked"), ("sent", None)),
        (use, ("suppressed", "used"), ("sent", None)),
        (call_off, ("suppressed", "cancelled"), ("suppressed", "cancelled")),
        (let_expire, ("suppressed", "expired"), ("sent", None)),
        (erase, ("suppressed", "erased"), ("suppressed", "erased")),
    ],
)
def test_what_must_not_be_sent_any_more_is_suppressed_with_the_reason(
    flow: MailFlow,
    box: Mailbox,
    happens: Callable[[StoredBooks, Card], None],
    card_ends: tuple[str, str | None],
    confirmation_ends: tuple[str, str | None],
) -> None:
    card = flow.books.bought()
    flow.follow()
    happens(flow.books, card)
    flow.round()
    ended = {kind: rest for kind, *rest in flow.deliveries(card.card_id)}
    assert ended["card"] == [*card_ends]
    assert ended["confirmation"] == [*confirmation_ends]
    assert box.of(flow.only(card.card_id, "card").delivery_id) == []


@pytest.mark.one_database
def test_r37_what_a_block_has_held_back_is_sent_once_it_is_lifted(
    flow: MailFlow, box: Mailbox
) -> None:
    books = flow.books
    hold = books.authorized(books.bought(), order(50_00))
    paid = books.captured(hold).authorization
    block(books, books.facts.cards[hold.card_id])
    back = books.reversed(paid).replacement  # What comes back from a blocked card is blocked.
    assert back is not None
    flow.round()
    assert flow.deliveries(back.card_id) == [("replacement", "suppressed", "blocked")]
    books.decide(UnblockCard(back.card_id, restore_validity=False))
    flow.round()
    assert flow.deliveries(back.card_id) == [("replacement", "sent", None)]
    assert [each.recipient for each in box.arrived].count(SHOPPER.email) == 1


@pytest.mark.one_database
def test_a_replacement_without_anybody_left_is_parked_and_seen(flow: MailFlow) -> None:
    books = flow.books
    card = books.bought()
    back = books.reversed(books.paid(card, order(50_00))).replacement
    assert back is not None
    flow.follow()
    erase(books, card)
    flow.round()
    assert flow.deliveries(back.card_id) == [("replacement", "parked", "nobody_left")]
    (parked,) = (
        each for each in waiting(flow.connection, books.now) if each.state is DeliveryState.PARKED
    )
    assert parked.deliveries == 1


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
    box.reply = lambda _recipient: "550 5.1.1 no such user <amelie@example.com>"
    card = flow.books.bought()
    flow.round()
    delivery = flow.only(card.card_id, "card")
    assert (delivery.state, delivery.smtp_code) == (DeliveryState.PARKED, 550)
    assert "@" not in (delivery.reason or "@")
    box.reply = lambda _recipient: TAKEN
    flow.round()
    assert box.arrived == []
    retry(flow.connection, delivery.delivery_id, flow.books.now)
    flow.round()
    assert len(box.of(delivery.delivery_id)) == 1
    assert flow.only(card.card_id, "card").state is DeliveryState.SENT


@pytest.mark.one_database
def test_a_message_is_tried_for_three_days_and_then_parked(flow: MailFlow, box: Mailbox) -> None:
    box.reply = lambda _recipient: "451 4.7.1 greylisted"
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


def lost_answer(flow: MailFlow, box: Mailbox) -> None:
    """The mail server takes the message, and its answer says otherwise, as a hang's would."""
    box.keeps_refused, box.reply = True, lambda _recipient: "451 4.3.0 try again"
    flow.round()
    box.reply = lambda _recipient: TAKEN


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
    assert not flow.outbox.end(claimed, ending, flow.books.now)


def claim_all(flow: MailFlow) -> list[StoredDelivery]:
    claimed = flow.outbox.claim({"fr"}, 10, flow.books.now, timedelta(minutes=1))
    return [each for each in claimed if each.kind is DeliveryKind.CARD]


def claim_and_send(flow: MailFlow) -> None:
    flow.follow()
    for claimed in claim_all(flow):
        ending = flow.dispatch.send(claimed, flow.books.now)
        assert ending.state is DeliveryState.SENT


def let_claims_end(flow: MailFlow) -> None:
    flow.connection.execute_sql("UPDATE delivery SET claimed_until = 1 WHERE state = 'sending'")


@pytest.mark.parametrize("moment", [lost_answer, crash_before_noting, frozen_beyond_its_lease])
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
    repeated = box.of(flow.only(card.card_id, "card").delivery_id)
    assert len(repeated) == 2
    assert len({(each.message_id, each.recipient) for each in repeated}) == 1


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
