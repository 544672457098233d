"""From a card to the messages about it: who gets which, once, and what is held back."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from giftcard_rules.cards import Card
from giftcard_rules.commands import BlockCard, Contact, UnblockCard
from giftcard_rules.deadlines import local_day
from giftcard_rules.deliveries import DeliveryState
from giftcard_storage.deliveries.waiting import waiting
from giftcard_storage.people import forget
from given.databases.stored_books import StoredBooks
from given.made_facts import BUYER, FRANCE, FRIEND, SHOPPER, cancel, code_of, order
from given.servers.mail_flow import MailFlow
from given.servers.mailbox import Mailbox


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


def test_r8_a_card_waits_for_the_morning_of_its_day_and_the_confirmation_does_not(
    flow: MailFlow, box: Mailbox
) -> None:
    books = flow.books
    card = books.bought(deliver_on=local_day(books.now, FRANCE.time_zone) + timedelta(days=2))
    flow.round()
    assert flow.deliveries(card.card_id) == [
        ("card", "queued", None),
        ("confirmation", "sent", None),
    ]
    books.now = flow.only(card.card_id, "card").due_at - timedelta(seconds=1)
    flow.round()
    assert len(box) == 1
    books.wait(timedelta(seconds=1))
    assert books.now.astimezone(FRANCE.time_zone).hour == 8
    flow.round()
    assert len(box) == 2


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
