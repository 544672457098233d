"""`Support` and `giftcard support` at the real server: acts, four eyes, and what is shown."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from giftcard_client import Declined, GiftCards, Money, Purchase, Reason
from giftcard_client.support import Support
from giftcard_client.support_results import ActedBy
from giftcard_client.vocabulary import (
    CardState,
    Ground,
    PersonRole,
    PersonState,
    ProposalState,
    TimelineKind,
)
from given.calls.shop import TIMEOUT_SECONDS
from given.checkout.faulty_gateway import FaultyGateway, lose_answer
from given.checkout.shopping import BUYER, Buy
from given.servers.giftcard_command import Shop, buying
from given.servers.server_process import ServerProcess

pytestmark = pytest.mark.one_database
ANNA = ActedBy("anna", Ground.FRAUD, "reported")
BEN = ActedBy("ben", Ground.MISTAKE)


@pytest.fixture
def support(live_server: ServerProcess) -> Iterator[Support]:
    with Support(live_server.target, timeout_seconds=TIMEOUT_SECONDS) as client:
        yield client


def test_a_card_is_found_blocked_and_unblocked_by_two_people(support: Support, buy: Buy) -> None:
    issued = buy(5000)
    (found,) = support.find(code=issued.code)
    blocked = support.block(found.card_id, by=ANNA)
    assert blocked.card is not None
    assert blocked.card.state is CardState.BLOCKED
    proposed = support.unblock(found.card_id, by=ANNA, restore_validity=True)
    assert (proposed.card, bool(proposed.proposal_id)) == (None, True)
    with pytest.raises(Declined) as caught:
        support.approve(proposed.proposal_id, by=ANNA)
    assert caught.value.reason is Reason.SAME_ACTOR
    closed = support.approve(proposed.proposal_id, by=BEN)
    assert closed.proposal.state is ProposalState.CARRIED_OUT
    assert closed.card.state is CardState.ACTIVE
    (proposal,) = support.proposals(found.card_id)
    assert (proposal.act, proposal.proposed_by, proposal.reason) == ("UnblockCard", "anna", None)
    told = [(each.kind, each.actor, each.ground) for each in support.timeline(found.card_id)]
    assert (TimelineKind.CARD_BLOCKED, "anna", Ground.FRAUD) in told
    assert (TimelineKind.PROPOSAL_APPROVED, "ben", Ground.MISTAKE) in told
    assert told[0] == (TimelineKind.ISSUE, "", None)


def test_a_card_is_shown_with_its_people_where_somebody_answers_for_it(
    support: Support, buy: Buy
) -> None:
    card_id = buy(5000).card.card_id
    closed = support.card(card_id)
    (purchaser,) = closed.people
    assert (purchaser.role, purchaser.state) == (PersonRole.PURCHASER, PersonState.KEPT)
    assert purchaser.contact is None
    (opened,) = support.card(card_id, opened_by=ANNA).people
    assert opened.contact == BUYER
    assert closed.purchase is not None
    assert [card.card_id for card in closed.chain] == [card_id]


def test_an_act_whose_answer_is_lost_is_done_once(
    support: Support, gateway: FaultyGateway, buy: Buy
) -> None:
    card_id = buy(5000).card.card_id
    with Support(gateway.target, timeout_seconds=TIMEOUT_SECONDS) as lossy:
        gateway.next("BlockCard", lose_answer)
        assert lossy.block(card_id, by=ANNA).replayed
    kinds = [each.kind for each in support.timeline(card_id)]
    assert kinds.count(TimelineKind.CARD_BLOCKED) == 1


def test_r28_a_purchase_is_cancelled_by_its_number_and_its_purchasers_address(
    support: Support, cards: GiftCards
) -> None:
    purchase = Purchase(f"purchase-{uuid4()}", f"psp-{uuid4()}")
    cards.issue(market="fr", amount=Money(5000), purchase=purchase, purchaser=BUYER)
    cancelled = support.cancel_purchase(
        market="fr", purchase_order_id=purchase.order_id, purchaser_email=BUYER.email, by=ANNA
    )
    assert cancelled.card.state is CardState.CANCELLED
    assert cancelled.refund.payment_reference == purchase.payment_reference


def test_cards_are_named_in_one_way(support: Support) -> None:
    for named in (support.find(), support.find(card_id="1", order_id="2")):
        with pytest.raises(TypeError, match="name the cards"):
            list(named)


def test_the_commands_of_customer_service_say_what_they_have_done(
    live_server: ServerProcess,
) -> None:
    shop = Shop(live_server.target)
    card = shop.answer(*buying("50", order_id=f"PURCHASE-{uuid4()}"))
    card_id = card["card"]["card_id"]
    by = ("--actor", "anna", "--ground", "fraud")
    (found,) = shop.answer("support", "find", "--code", stdin=card["code"])["cards"]
    assert found["card_id"] == card_id
    blocked = shop.answer("support", "block", card_id, *by, "--note", "reported")
    assert blocked["card"]["state"] == "BLOCKED"
    proposal_id = shop.answer("support", "write-off", card_id, "--actor", "anna")["proposal_id"]
    (waiting,) = shop.answer("support", "proposals", "list", "--card-id", card_id)["proposals"]
    assert (waiting["proposal_id"], waiting["state"]) == (proposal_id, "OPEN")
    declined = shop.run("support", "proposals", "approve", proposal_id, "--actor", "ANNA")
    assert (declined.returncode, "SAME_ACTOR" in declined.stderr) == (3, True)
    approved = shop.answer("support", "proposals", "approve", proposal_id, "--actor", "ben")
    assert approved["card"]["state"] == "CANCELLED"
    entries = shop.answer("support", "timeline", card_id)["entries"]
    assert entries[0]["kind"] == "ISSUE"
    shown = shop.answer("support", "show", card_id, "--open-people", "--actor", "anna")
    assert shown["people"][0]["contact"]["email"]
    assert shop.run("support", "find").returncode == 2
