"""ResendCard by a real server that mails into a folder: at once, or after four eyes (R8)."""

from collections.abc import Iterator

import pytest

from giftcard.v1 import support_service_pb2 as pb
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
def mailing(place: Place) -> Iterator[Desk]:
    """A desk at a server that mails into a folder."""
    with (
        running(settings(place, mail="folder"), Clock()) as service,
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
