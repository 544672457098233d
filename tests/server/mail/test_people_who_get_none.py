"""Whoever is restricted or erased gets no message of any kind, and all others get theirs (R32)."""

from datetime import timedelta
from typing import Any

import pytest

from giftcard_rules.act_commands import ResendCard
from giftcard_rules.decisions import PersonRole
from giftcard_rules.person_acts import ErasePerson, LiftRestriction, RestrictPerson
from given.databases.books_on_people import BooksOnPeople, of_card
from given.databases.kinds import Place
from given.desk_calls import act_on
from given.made_facts import BUYER, FRIEND, SHOPPER, order
from given.servers.mail_flow import mail_flow
from given.servers.mailbox import Mailbox

CORRECTED = "corrected@example.com"


@pytest.mark.parametrize(
    ("kind_of_act", "why"), [(RestrictPerson, "restricted"), (ErasePerson, "erased")]
)
def test_r32_nothing_reaches_a_recipient_who_is_restricted_or_erased(
    place: Place, box: Mailbox, kind_of_act: Any, why: str
) -> None:
    reminding = {"fr": {**box.settings["markets"]["fr"], "reminder_days": 30}}
    with mail_flow(place, box, markets=reminding) as flow:
        books, people = flow.books, BooksOnPeople(flow.connection)
        card, other = books.bought(recipient=FRIEND), books.bought(recipient=FRIEND)
        books.decide(act_on(ResendCard(card.card_id, CORRECTED)))  # It waits, as all of it does.
        flow.follow()
        people.act(kind_of_act(of_card(card.card_id, PersonRole.RECIPIENT)))
        flow.round()
        books.now = flow.only(card.card_id, "reminder").due_at
        flow.round()
        ended = flow.deliveries(card.card_id)
        assert ended == [
            ("card", "suppressed", "corrected"),
            ("card", "suppressed", why),
            ("confirmation", "sent", None),
            ("correction", "sent", None),
            ("reminder", "suppressed", why),
        ]
        assert CORRECTED not in {each.recipient for each in box.arrived}
        # The same person on another card: nobody asked for that one.
        to_friend = [each for each in box.arrived if each.recipient == FRIEND.email]
        assert len(to_friend) == len(flow.deliveries(other.card_id)) - 1 == 2
        assert {each.recipient for each in box.arrived} == {FRIEND.email, BUYER.email}


def test_r32_a_restricted_customer_gets_no_replacement_until_it_is_lifted_and_nobody_else_does(
    place: Place, box: Mailbox
) -> None:
    with mail_flow(place, box) as flow:
        books, people = flow.books, BooksOnPeople(flow.connection)
        card = books.bought()
        paid = books.paid(card, order(50_00))
        flow.round()
        before = len(box.arrived)
        people.act(RestrictPerson(of_card(card.card_id, PersonRole.CUSTOMER)))
        back = books.reversed(paid).replacement
        assert back is not None
        flow.round()
        assert flow.deliveries(back.card_id) == [("replacement", "suppressed", "restricted")]
        assert len(box.arrived) == before
        people.act(LiftRestriction(of_card(card.card_id)))
        books.wait(timedelta(minutes=1))
        flow.round()  # What the restriction held back goes out.
        assert [each.recipient for each in box.arrived[before:]] == [SHOPPER.email]
