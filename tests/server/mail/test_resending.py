"""Sending a card's message again: to whom, where an address was corrected, and how often (R8)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest

from giftcard_rules.act_commands import Proposed, ResendCard, Resent
from giftcard_rules.cards import Card
from giftcard_rules.commands import Contact, Declined
from giftcard_rules.decisions import PersonRole
from giftcard_rules.person_acts import RectifyPerson, Slot, Subject
from giftcard_rules.reasons import Reason
from giftcard_storage.people import forget
from given.databases.stored_books import StoredBooks
from given.desk_calls import act_on, act_on_people, approve, propose
from given.made_facts import BUYER, FRIEND, SHOPPER, code_of, order
from given.servers.mail_flow import MailFlow
from given.servers.mailbox import Mailbox

DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
CORRECTED: Final = "corrected@example.com"


def test_r8_the_card_goes_out_again_to_the_known_address_with_the_same_code(
    flow: MailFlow, box: Mailbox
) -> None:
    card = flow.books.bought(recipient=FRIEND)
    flow.round()
    before = len(box.arrived)
    outcome = flow.books.decide(act_on(ResendCard(card.card_id))).outcome
    assert isinstance(outcome, Resent)
    flow.round()
    (again,) = box.arrived[before:]
    assert again.recipient == FRIEND.email
    assert code_of(card).shown in again.text


def gift(books: StoredBooks) -> Card:
    return books.bought(recipient=FRIEND)


def replacement(books: StoredBooks) -> Card:
    back = books.reversed(books.paid(gift(books), order(50_00))).replacement
    assert back is not None
    return back


@pytest.mark.parametrize(("made", "told"), [(gift, BUYER), (replacement, SHOPPER)])
def test_r9_a_corrected_address_gets_the_card_and_the_other_one_is_told(
    flow: MailFlow, box: Mailbox, made: Callable[[StoredBooks], Card], told: Contact
) -> None:
    card = made(flow.books)
    flow.round()
    before = len(box.arrived)
    proposed = propose(ResendCard(card.card_id, CORRECTED))
    flow.books.decide(proposed)
    flow.round()
    assert len(box.arrived) == before  # Nothing goes out before the approval.
    flow.books.decide(approve(proposed))
    flow.round()
    sent_to = {each.recipient: each for each in box.arrived[before:]}
    assert sent_to.keys() == {CORRECTED, told.email}
    assert code_of(card).shown in sent_to[CORRECTED].text
    assert code_of(card).shown not in sent_to[told.email].text
    assert "à l’adresse corrigée" in " ".join(sent_to[told.email].text.split())
    assert CORRECTED not in sent_to[told.email].text


def test_a_corrected_address_goes_with_the_people_of_its_card(flow: MailFlow, box: Mailbox) -> None:
    card = flow.books.bought()
    flow.round()
    before = len(box.arrived)
    flow.books.decide(act_on(ResendCard(card.card_id, CORRECTED)))
    forget(flow.connection, card.card_id)
    flow.round()
    assert len(box.arrived) == before
    assert ("card", "suppressed", "erased") in flow.deliveries(card.card_id)


@pytest.mark.one_database
def test_a_card_is_sent_again_three_times_on_a_day_of_its_market(flow: MailFlow) -> None:
    card = flow.books.bought()
    flow.round()

    def resend() -> object:
        return flow.books.decide(act_on(ResendCard(card.card_id))).outcome

    assert all(isinstance(resend(), Resent) for _ in range(3))
    assert resend() == Declined(Reason.RESEND_LIMIT)
    flow.books.now += DAY
    assert isinstance(resend(), Resent)


MOVED: Final = Contact("Bruno", "bruno@elsewhere.example", "fr-BE")


def rectify(books: StoredBooks, of: Slot) -> None:
    """Give a person another contact, and let a minute pass on either side."""
    about = Subject(card_id=of.card_id, role=of.role, authorization_id=of.authorization_id)
    books.now += MINUTE
    books.decide(act_on_people(RectifyPerson(about, MOVED)))
    books.now += MINUTE


def to_the_friend(books: StoredBooks) -> tuple[str, Slot]:
    card_id = gift(books).card_id
    return card_id, Slot(card_id, PersonRole.RECIPIENT)


def to_the_buyer(books: StoredBooks) -> tuple[str, Slot]:
    card_id = books.bought().card_id
    return card_id, Slot(card_id, PersonRole.PURCHASER)


def to_the_customer(books: StoredBooks) -> tuple[str, Slot]:
    back = replacement(books)
    assert back.replaces_card_id is not None
    assert back.authorization_id is not None
    return back.card_id, Slot(back.replaces_card_id, PersonRole.CUSTOMER, back.authorization_id)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("made", "told"),
    [(to_the_friend, [BUYER.email]), (to_the_buyer, []), (to_the_customer, [])],
)
def test_r9_a_rectified_address_gets_the_card_after_four_eyes_and_from_then_on_at_once(
    flow: MailFlow,
    box: Mailbox,
    made: Callable[[StoredBooks], tuple[str, Slot]],
    told: list[str],
) -> None:
    card_id, addressee = made(flow.books)
    flow.round()
    again = ResendCard(card_id, addressee=addressee)
    # The address that the shop gave needs nobody else.
    assert isinstance(flow.books.decide(propose(again)).outcome, Resent)
    rectify(flow.books, addressee)
    flow.round()
    before = len(box.arrived)
    proposed = propose(again)
    assert isinstance(flow.books.decide(proposed).outcome, Proposed)
    # Another address that a colleague approves does not make this one known.
    flow.books.decide(act_on(ResendCard(card_id, CORRECTED, addressee=addressee)))
    assert isinstance(flow.books.decide(propose(again)).outcome, Proposed)
    flow.books.now += DAY / 2
    flow.books.decide(approve(proposed))
    flow.round()
    sent_to = [each.recipient for each in box.arrived[before:]]
    # The card, and where nobody else can be told, that a colleague's address got it.
    assert sent_to.count(MOVED.email) == (1 if told else 2)
    assert [each for each in sent_to if each in told] == told * 2
    flow.books.now += DAY
    assert isinstance(flow.books.decide(propose(again)).outcome, Resent)
    rectify(flow.books, addressee)
    assert isinstance(flow.books.decide(propose(again)).outcome, Proposed)


def test_a_message_that_waits_goes_to_no_address_that_was_rectified_since(
    flow: MailFlow, box: Mailbox
) -> None:
    card_id, addressee = to_the_friend(flow.books)
    flow.round()
    before = len(box.arrived)
    flow.books.decide(act_on(ResendCard(card_id, addressee=addressee)))
    rectify(flow.books, addressee)
    flow.round()
    assert len(box.arrived) == before
    assert ("card", "suppressed", "corrected") in flow.deliveries(card_id)
