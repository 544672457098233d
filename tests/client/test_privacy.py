"""`Privacy` and `giftcard privacy` at the real server: the rights of people over their data."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from giftcard_client import (
    ActingAs,
    Contact,
    Declined,
    GiftCards,
    Ground,
    Money,
    PersonRole,
    Privacy,
    Purchase,
    Reason,
    Who,
)
from given.calls.shop import TIMEOUT_SECONDS
from given.servers.giftcard_command import giftcard
from given.servers.server_process import ServerProcess

pytestmark = pytest.mark.one_database
ANNA = ActingAs(actor="anna", ground=Ground.CUSTOMER_REQUEST, note="a letter")


@pytest.fixture
def privacy(live_server: ServerProcess) -> Iterator[Privacy]:
    with Privacy(live_server.target, timeout_seconds=TIMEOUT_SECONDS) as client:
        yield client


@pytest.fixture
def email() -> str:
    return f"{uuid4().hex}@example.com"


@pytest.fixture
def card_id(cards: GiftCards, email: str) -> str:
    purchase = Purchase(f"purchase-{uuid4()}", f"psp-{uuid4()}")
    buyer = Contact(email=email, name="Zoé")
    issued = cards.issue(market="fr", amount=Money(5000), purchase=purchase, purchaser=buyer)
    return issued.card.card_id


def test_r32_people_are_exported_rectified_restricted_and_erased(
    privacy: Privacy, card_id: str, email: str
) -> None:
    (person,) = privacy.export(Who(email=email.upper()), ANNA).document["people"]
    assert (person["card_id"], person["name"]) == (card_id, "Zoé")
    right = Contact(email=f"right-{email}", name="Zoe")
    request_id = uuid4()
    for replayed in (False, True):
        changed = privacy.rectify(Who(email=email), right, ANNA, request_id=request_id)
        assert (changed.card_ids, changed.replayed) == ((card_id,), replayed)
    purchaser = Who(card_id=card_id, role=PersonRole.PURCHASER)
    assert privacy.restrict(purchaser, ANNA).card_ids == (card_id,)
    assert privacy.restrict(purchaser, ANNA).card_ids == ()
    assert privacy.lift(purchaser, ANNA).card_ids == (card_id,)
    erased = privacy.erase(purchaser, ANNA)
    assert erased.receipt is None
    assert erased.proposal_id
    with pytest.raises(Declined) as declined:
        privacy.export(Who(email=email), ANNA)
    assert declined.value.reason is Reason.CARD_NOT_FOUND
    with pytest.raises(TypeError, match="either email or card_id"):
        privacy.restrict(Who(email=email, card_id=card_id), ANNA)


def test_the_commands_of_privacy_do_what_the_client_does(
    live_server: ServerProcess, card_id: str, email: str
) -> None:
    at = ("--target", live_server.target, "--actor", "anna", "--output", "json")
    done = giftcard("privacy", "export", "--email", email, *at)
    assert json.loads(done.stdout)["export"]["people"][0]["card_id"] == card_id
    for arguments in (
        ("rectify", "--email", email, "--new-email", f"right-{email}"),
        ("restrict", "--card-id", card_id),
        ("restrict", "--card-id", card_id, "--role", "purchaser", "--lift"),
    ):
        answer = json.loads(giftcard("privacy", *arguments, *at).stdout)
        assert answer["card_ids"] == [card_id]
    erased = json.loads(giftcard("privacy", "erase", "--card-id", card_id, *at).stdout)
    assert erased["proposal_id"]
    shown = json.loads(giftcard("people", "show", card_id, *at).stdout)
    assert shown["export"]["people"][0]["email"] == f"right-{email}"
    forgotten = json.loads(giftcard("people", "forget", card_id, "--yes", *at).stdout)
    assert forgotten["proposal_id"] not in {"", erased["proposal_id"]}
    assert giftcard("people", "forget", card_id, *at).returncode != 0  # Nobody has confirmed it.
    refused = giftcard("privacy", "erase", *at)
    assert refused.returncode != 0
    assert "either --email or --card-id" in refused.stderr
