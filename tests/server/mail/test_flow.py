"""From a card to the messages about it: who gets which, once, and what is held back."""

from collections.abc import Callable, Iterator

import pytest

from giftcard_rules.cards import Card
from given.databases.kinds import Place
from given.databases.stored_books import StoredBooks
from given.made_facts import BUYER, FRIEND, SHOPPER, cancel, code_of, order
from given.servers.mail_flow import MailFlow, mail_flow
from given.servers.mailbox import Mailbox, mailbox


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


@pytest.mark.parametrize(
    ("play", "arrives"),
    [
        (bought, [("card", BUYER), ("confirmation", BUYER)]),
        (given_away, [("card", FRIEND), ("confirmation", BUYER)]),
        (captured_in_part, [("replacement", SHOPPER)]),
        (refunded, [("replacement", SHOPPER)]),
        (refunded_to_a_friend, [("replacement", FRIEND)]),
        (cancelled, [("cancellation", BUYER)]),
    ],
)
def test_r8_r9_r23_r27_each_message_reaches_its_person_once_and_the_code_with_the_card_alone(
    flow: MailFlow,
    box: Mailbox,
    play: Callable[[StoredBooks], Card],
    arrives: list[tuple[str, object]],
) -> None:
    card = play(flow.books)
    for _ in range(2):
        flow.round()
    sent = {
        each.delivery_id: each for kind, _ in arrives for each in [flow.only(card.card_id, kind)]
    }
    of_card = [each for each in box.arrived if each.message_id.strip("<>").split("@")[0] in sent]
    assert sorted(
        (sent[each.message_id.strip("<>").split("@")[0]].kind.value, each.recipient)
        for each in of_card
    ) == sorted((kind, person.email) for kind, person in arrives)  # type: ignore[attr-defined] # They are contacts.
    code = code_of(card).shown
    for each in of_card:
        kind = sent[each.message_id.strip("<>").split("@")[0]].kind
        assert (code in each.text) == (kind.value in {"card", "replacement"})
    assert len({each.message_id for each in box.arrived}) == len(box.arrived)
