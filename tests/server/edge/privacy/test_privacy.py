"""The rights of people over their data, by a real server (R30, R32)."""

import json
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from jsonschema import Draft202012Validator

from giftcard.v1 import privacy_service_pb2 as pb
from giftcard.v1 import support_service_pb2 as support_pb
from giftcard.v1.order_pb2 import Contact
from giftcard_server.callers.four_eyes import FourEyes
from giftcard_server.service import Service
from giftcard_server.settings import Settings
from giftcard_storage.audit import audit
from giftcard_storage.database import connect
from giftcard_storage.errors import JournalError
from given.calls import sent
from given.calls.answered import is_replay, refusal
from given.calls.desk import BEN, Desk, approval, by
from given.calls.shop import TIMEOUT_SECONDS, shop_at
from given.databases.kinds import Place
from given.house import ROOT
from given.servers.running import NOON, Clock, running, settings, target_of

RECIPIENT: Final = support_pb.PERSON_ROLE_RECIPIENT
CUSTOMER: Final = support_pb.PERSON_ROLE_CUSTOMER
SCHEMA: Final = Draft202012Validator(
    json.loads((ROOT / "docs" / "privacy-export.schema.json").read_text(encoding="utf-8"))
)
NEW: Final = Contact(name="Dora", email="dora@example.com", locale="fr-FR")
KEPT, RESTRICTED, ERASED = (
    support_pb.PERSON_STATE_KEPT,
    support_pb.PERSON_STATE_RESTRICTED,
    support_pb.PERSON_STATE_ERASED,
)


@pytest.fixture(scope="module")
def journaled(modules_place: Place) -> Settings:
    """The settings of the module's service, which has an erasure journal."""
    journal = modules_place.key_file.with_name("erasures.jsonl")
    return settings(modules_place, erasure_journal=journal)


@pytest.fixture(scope="module")
def standing_desk(journaled: Settings, standing_clock: Clock) -> Iterator[Desk]:
    """The module's desk; the books are right when the last test is over."""
    with running(journaled, standing_clock) as service, shop_at(target_of(service)) as shop:
        yield Desk(shop.channel)
    with closing(connect(journaled.database_url)) as connection:
        assert audit(connection) == []


@pytest.fixture
def desk(standing_desk: Desk, standing_clock: Clock) -> Desk:
    standing_clock.now = NOON
    return standing_desk


def about(kind: Any, **fields: Any) -> Any:
    """Return a request of a kind, of an actor on a ground."""
    known = {} if kind is pb.ExportPersonRequest else {"request_id": sent.new_id()}
    return kind(**(known | by() | fields))


def states(desk: Desk, card_id: str) -> list[int]:
    """Return what became of the customer, the purchaser and the recipient of a card."""
    return [person.state for person in desk.shown(card_id).people]


def exported(desk: Desk, **subject: Any) -> Any:
    """Return an export, which is as its published schema says."""
    document = json.loads(desk.call(about(pb.ExportPersonRequest, **subject)).json)
    SCHEMA.validate(document)
    return document


def test_r32_an_export_has_all_that_is_known_of_a_person_and_nothing_of_others(desk: Desk) -> None:
    issued = desk.bought()
    card_id = issued.card.card_id
    held = desk.held(issued.code)
    answer = desk.call(about(pb.ExportPersonRequest, card_id=card_id))
    told = json.loads(answer.json)
    SCHEMA.validate(told)
    assert answer.schema_version == told["schema_version"] == "1"
    people = {each["role"]: each for each in told["people"]}
    assert people["PURCHASER"]["email"] == sent.BUYER.email
    assert people["PURCHASER"]["message"] == sent.WISHES
    assert people["CUSTOMER"]["authorization_id"] == held.authorization_id
    assert [each["order_id"] for each in told["orders"]] == [held.order_id]
    assert told["cards"][0]["purchase"]["payment_method"] == "BANK_CARD"
    (read,) = told["reads"]  # This one, as it was noted before the answer.
    assert (read["kind"], read["ground"]) == ("PERSON_EXPORTED", "CUSTOMER_REQUEST")

    friend = exported(desk, card_id=card_id, role=RECIPIENT)
    assert [each["name"] for each in friend["people"]] == [sent.FRIEND.name]
    assert (friend["orders"], friend["cards"][0]["purchase"]) == ([], None)
    assert desk.kinds(card_id).count("PERSON_EXPORTED") == 2
    of_address = exported(desk, email=f" {sent.FRIEND.email.upper()}")
    assert friend["people"][0] in of_address["people"]
    assert issued.code not in json.dumps(told)


def test_r32_a_rectified_person_is_found_by_the_new_address(desk: Desk) -> None:
    card_id = desk.bought().card.card_id
    request = about(pb.RectifyPersonRequest, card_id=card_id, role=RECIPIENT, contact=NEW)
    assert list(desk.call(request).card_ids) == [card_id]
    again, call = desk.privacy.RectifyPerson.with_call(request, timeout=TIMEOUT_SECONDS)
    assert is_replay(call)
    assert list(again.card_ids) == [card_id]
    found = desk.call(support_pb.FindCardsRequest(email=NEW.email.title())).cards
    assert [card.card_id for card in found] == [card_id]
    other = about(pb.RectifyPersonRequest, card_id=card_id, role=RECIPIENT, contact=sent.FRIEND)
    other.request_id = request.request_id
    assert refusal(lambda: desk.call(other)).reason == "REQUEST_ID_REUSED"
    desk.call(about(pb.RectifyPersonRequest, email=NEW.email, contact=sent.FRIEND))
    assert not desk.call(support_pb.FindCardsRequest(email=NEW.email)).cards


def test_r32_customer_service_does_not_open_restricted_people(desk: Desk) -> None:
    card_id = desk.bought().card.card_id
    desk.call(about(pb.RestrictPersonRequest, card_id=card_id, role=RECIPIENT))
    assert states(desk, card_id) == [KEPT, RESTRICTED]
    opened = desk.shown(card_id, open_people=True, **by()).people
    assert [each.contact.name for each in opened] == [sent.BUYER.name, ""]
    (person,) = exported(desk, card_id=card_id, role=RECIPIENT)["people"]
    assert (person["state"], person["name"]) == ("RESTRICTED", sent.FRIEND.name)
    desk.call(about(pb.LiftRestrictionRequest, card_id=card_id))
    assert states(desk, card_id) == [KEPT, KEPT]
    assert sorted(desk.kinds(card_id)[1:]) == [
        "PERSON_EXPORTED",
        "PERSON_READ",
        "PERSON_RESTRICTED",
        "RESTRICTION_LIFTED",
    ]


def test_r32_an_erasure_takes_four_eyes_and_leaves_the_card(
    desk: Desk, journaled: Settings
) -> None:
    issued = desk.bought()
    card_id = issued.card.card_id
    held = desk.held(issued.code)
    request = about(
        pb.ErasePersonRequest,
        card_id=card_id,
        role=CUSTOMER,
        authorization_id=held.authorization_id,
    )
    proposed = desk.call(request)
    assert not proposed.HasField("receipt")
    assert states(desk, card_id) == [KEPT] * 3
    assert desk.call(request) == proposed
    assert refusal(lambda: desk.approve(proposed.proposal_id, "anna")).reason == "SAME_ACTOR"
    approved = desk.approve(proposed.proposal_id)
    assert approved.proposal.state == support_pb.PROPOSAL_STATE_CARRIED_OUT
    assert states(desk, card_id) == [ERASED, KEPT, KEPT]
    assert journaled.erasure_journal is not None
    lines = journaled.erasure_journal.read_text().splitlines()
    receipts = {json.loads(line)["receipt_id"] for line in lines}
    assert proposed.proposal_id in receipts
    assert approved.receipt.receipt_id == proposed.proposal_id
    assert list(approved.receipt.card_ids) == [card_id]
    assert "PERSON_ERASED" in desk.kinds(card_id)
    captured = desk.call(sent.capture(held.authorization_id)).authorization
    assert captured.captured_amount == held.authorized_amount
    again = about(pb.ErasePersonRequest, card_id=card_id, role=CUSTOMER)
    assert refusal(lambda: desk.call(again)).reason == "PERSON_ERASED"


def test_a_proposed_erasure_that_another_one_has_overtaken_is_declined(desk: Desk) -> None:
    card_id = desk.bought().card.card_id
    first, second = (
        desk.call(about(pb.ErasePersonRequest, card_id=card_id, role=RECIPIENT)).proposal_id
        for _ in range(2)
    )
    desk.approve(first)
    answer = desk.call(approval(second, BEN))
    # What was proposed lay under the key of the card's notes, which went with the person.
    assert answer.proposal.state == support_pb.PROPOSAL_STATE_DECLINED


@pytest.mark.parametrize(
    ("asked", "fields", "violations"),
    [
        (pb.ErasePersonRequest, {}, ["subject"]),
        (pb.ErasePersonRequest, {"email": "a@b.example", "role": RECIPIENT}, ["role"]),
        (pb.ErasePersonRequest, {"card_id": "1", "role": 9}, ["role"]),
        (
            pb.RestrictPersonRequest,
            {"card_id": "1", "role": RECIPIENT, "authorization_id": "1"},
            ["authorization_id"],
        ),
        (pb.RectifyPersonRequest, {"card_id": "1", "contact": NEW}, ["role"]),
        (
            pb.RectifyPersonRequest,
            {"card_id": "1", "role": CUSTOMER, "contact": NEW},
            ["authorization_id"],
        ),
        (pb.RectifyPersonRequest, {"email": "a@b.example"}, ["contact"]),
        (
            pb.ExportPersonRequest,
            {"email": "a@b.example", "actor": "", "ground": 0},
            ["actor", "ground"],
        ),
        (
            pb.LiftRestrictionRequest,
            {"email": "a@b.example", "note": "0000-0000-0000-0000"},
            ["note"],
        ),
    ],
)
def test_a_malformed_request_names_its_fields(
    desk: Desk, asked: Any, fields: dict[str, Any], violations: list[str]
) -> None:
    refused = refusal(lambda: desk.call(about(asked, **fields)))
    assert refused.status is grpc.StatusCode.INVALID_ARGUMENT
    assert sorted(refused.fields) == violations


@pytest.mark.parametrize(
    "asked",
    [
        pb.ExportPersonRequest,
        pb.RestrictPersonRequest,
        pb.LiftRestrictionRequest,
        pb.ErasePersonRequest,
    ],
)
def test_nobody_with_an_address_is_card_not_found(desk: Desk, asked: Any) -> None:
    for subject in ({"email": "nobody@example.com"}, {"card_id": "0" * 32}):
        request = about(asked, **subject)
        assert refusal(partial(desk.call, request)).reason == "CARD_NOT_FOUND"


@pytest.mark.one_database
def test_off_loopback_without_certificates_it_is_not_served(tmp_path: Path) -> None:
    allowed = {
        "grpc_listen": "0.0.0.0:0",
        "allow_plaintext_grpc": True,
        "allow_unauthenticated_callers": True,
    }
    with (
        running(settings(tmp_path, **allowed), Clock()) as service,
        shop_at(target_of(service)) as shop,
    ):
        assert shop.call(sent.issue()).code
        for asked in (pb.ExportPersonRequest, pb.ErasePersonRequest):
            request = about(asked, email=sent.BUYER.email)
            assert refusal(partial(shop.call, request)).status is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.one_database
def test_without_a_journal_that_can_be_written_no_server_starts_and_nobody_is_erased(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "journal"
    missing = settings(tmp_path, erasure_journal=folder / "erasures.jsonl")
    with pytest.raises(JournalError):
        Service(missing, Clock())
    folder.mkdir()
    with_one_eye = missing.model_copy(update={"four_eyes": FourEyes(acts=())})
    with running(with_one_eye, Clock()) as service, shop_at(target_of(service)) as shop:
        card_id = shop.bought().card.card_id
        (folder / "erasures.jsonl").unlink()
        folder.rmdir()
        request = about(pb.ErasePersonRequest, card_id=card_id)
        refused = refusal(partial(shop.call, request))
        assert refused.status is grpc.StatusCode.UNAVAILABLE
        assert refused.retry_after is not None
        assert states(Desk(shop.channel), card_id) == [KEPT, KEPT]
        folder.mkdir()
        receipt = shop.call(request).receipt  # The same request, once it can be written.
        assert receipt.receipt_id in (folder / "erasures.jsonl").read_text()
        assert list(receipt.card_ids) == [card_id]
        assert len(receipt.digest) == 64
