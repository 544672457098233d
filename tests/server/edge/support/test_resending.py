"""ResendCard by a real server that mails into a folder: at once, or after four eyes (R8)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from giftcard.v1 import privacy_service_pb2 as privacy_pb
from giftcard.v1 import support_service_pb2 as pb
from giftcard.v1.order_pb2 import Contact
from giftcard_server.callers.four_eyes import FourEyes
from giftcard_storage.database import connect
from giftcard_storage.people import forget
from given.calls import sent
from given.calls.answered import refusal
from given.calls.desk import Desk, by
from given.calls.shop import shop_at
from given.databases.kinds import Place
from given.servers.running import Clock, running, settings, target_of

pytestmark = pytest.mark.one_database


@pytest.fixture
def mailing(place: Place, clock: Clock) -> Iterator[Desk]:
    """A desk at a server that mails into a folder."""
    with (
        running(settings(place, mail="folder"), clock) as service,
        shop_at(target_of(service)) as shop,
    ):
        yield Desk(shop.channel)


def test_a_card_is_sent_again_at_once_and_to_a_corrected_address_after_four_eyes(
    mailing: Desk, place: Place
) -> None:
    desk = mailing
    card_id = desk.bought().card.card_id
    request = pb.ResendCardRequest(request_id=sent.new_id(), card_id=card_id, **by())
    first = desk.call(request)
    assert (first.delivery.kind, first.proposal_id) == ("card", "")
    assert desk.call(request) == first
    shown = {each.delivery_id for each in desk.shown(card_id).deliveries}
    assert first.delivery.delivery_id in shown
    told = {each.kind: each.delivery_id for each in desk.timeline(card_id)}
    assert told[pb.TIMELINE_KIND_CARD_RESENT] == first.delivery.delivery_id

    proposed = desk.resend(card_id, corrected_email="elsewhere@example.com")
    assert not proposed.HasField("delivery")
    answer = desk.approve(proposed.proposal_id)
    assert answer.proposal.state == pb.PROPOSAL_STATE_CARRIED_OUT
    assert desk.resend(card_id).delivery.delivery_id
    assert refusal(lambda: desk.resend(card_id)).reason == "RESEND_LIMIT"

    other = desk.bought().card.card_id
    connection = connect(place.database_url)
    forget(connection, other)
    connection.close()
    assert refusal(lambda: desk.resend(other)).reason == "PERSON_ERASED"
    wrong = refusal(lambda: desk.resend(card_id, corrected_email="nowhere"))
    assert wrong.fields == ("corrected_email",)


def rectification(card_id: str) -> Any:
    """Return a request to give the recipient of a card another contact."""
    return privacy_pb.RectifyPersonRequest(
        request_id=sent.new_id(),
        card_id=card_id,
        role=pb.PERSON_ROLE_RECIPIENT,
        contact=Contact(name="Bruno", email="bruno@elsewhere.example", locale="fr-BE"),
        **by(),
    )


def test_a_rectified_address_gets_the_card_after_four_eyes(mailing: Desk, clock: Clock) -> None:
    desk = mailing
    card_id = desk.bought().card.card_id
    assert desk.call(rectification(card_id)).card_ids == [card_id]
    request = pb.ResendCardRequest(request_id=sent.new_id(), card_id=card_id, **by())
    proposed = desk.call(request)
    assert not proposed.HasField("delivery")
    assert desk.call(request) == proposed
    own = refusal(lambda: desk.approve(proposed.proposal_id, "ANNA"))
    assert own.reason == "SAME_ACTOR"
    clock.wait(timedelta(minutes=1))
    approved = desk.approve(proposed.proposal_id).proposal
    assert approved.state == pb.PROPOSAL_STATE_CARRIED_OUT
    sent_again = {each.kind for each in desk.shown(card_id).deliveries}
    assert {"card", "correction"} <= sent_again
    assert desk.resend(card_id).delivery.delivery_id
    assert desk.call(request) == proposed


def test_operators_may_have_every_rectification_approved(place: Place) -> None:
    both = settings(place, mail="folder", four_eyes=FourEyes(acts=("RectifyPerson",)))
    with running(both, Clock()) as service, shop_at(target_of(service)) as shop:
        desk = Desk(shop.channel)
        card_id = desk.bought().card.card_id
        proposed = desk.call(rectification(card_id))
        assert list(proposed.card_ids) == []
        assert "PERSON_RECTIFIED" not in desk.kinds(card_id)
        assert refusal(lambda: desk.approve(proposed.proposal_id, "Anna")).reason == "SAME_ACTOR"
        desk.approve(proposed.proposal_id)
        assert "PERSON_RECTIFIED" in desk.kinds(card_id)
        found = desk.call(pb.FindCardsRequest(email="bruno@elsewhere.example"))
        assert [card.card_id for card in found.cards] == [card_id]
