"""`giftcard people`: Customer Service shows and forgets the people of a card."""

import json
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from giftcard.v1 import gift_card_service_pb2 as pb
from giftcard_rules.acts import ActKind
from giftcard_storage.acts.entries import acts_of
from giftcard_storage.database import connect
from giftcard_storage.engines import POSTGRESQL
from giftcard_storage.versions import MIGRATIONS
from given.calls import sent
from given.calls.sent import changed
from given.calls.shop import shop_at
from given.databases.former import former_database, rows_of
from given.databases.kinds import Kind, Place
from given.databases.postgresql_process import PostgresqlProcess
from given.made_facts import KEY, RING
from given.servers.giftcard_command import giftcard
from given.servers.running import Clock, running, settings, target_of

REFUSED: Final = 2
NO_CARD: Final = "0" * 32
PEOPLE: Final = (sent.BUYER, sent.FRIEND, sent.SHOPPER)


@pytest.fixture
def bought(place: Place) -> pb.IssueResponse:
    """A card for a friend with a message, and a payment with it."""
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        bought = shop.bought()
        shop.held(bought.code)
    return bought


def people(place: Place, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    arguments = (*arguments, "--offline", "--actor", "anna")
    done = giftcard("people", *arguments, settings={**place.environment, **settings})
    assert "Traceback" not in done.stdout + done.stderr
    return done


def shown(place: Place, card_id: str) -> list[dict[str, Any]]:
    """Return the people that `show` prints, after a check of the log line and its privacy."""
    done = people(place, "show", card_id, "--output", "json", GIFTCARD_LOG_LEVEL="ERROR")
    assert done.returncode == 0
    warning, line = done.stderr.splitlines()
    assert "no role is checked" in warning
    logged = json.loads(line)
    assert (logged["event"], logged["card_id"]) == ("people read", card_id)
    assert logged["acting_for"] == "privacy"
    for person in PEOPLE:
        assert person.name not in line
        assert person.email not in line
    answer = json.loads(done.stdout)
    assert answer["card_id"] == card_id
    found: list[dict[str, Any]] = answer["people"]
    return found


def test_r30_r32_people_are_shown_until_they_are_forgotten(
    place: Place, bought: pb.IssueResponse
) -> None:
    card_id = bought.card.card_id
    customer, purchaser, recipient = shown(place, card_id)
    assert purchaser == {
        "role": "PURCHASER",
        "authorization_id": None,
        "name": sent.BUYER.name,
        "email": sent.BUYER.email,
        "locale": sent.BUYER.locale,
        "message": sent.WISHES,
    }
    assert (recipient["role"], recipient["name"]) == ("RECIPIENT", sent.FRIEND.name)
    assert (customer["role"], customer["email"]) == ("CUSTOMER", sent.SHOPPER.email)

    done = people(place, "forget", card_id, "--yes")
    assert done.returncode == 0
    assert done.stdout.startswith(f"card {card_id}: its people are forgotten\n")
    assert json.loads(done.stderr.splitlines()[-1])["event"] == "people forgotten"
    assert [each["lost"] for each in shown(place, card_id)] == ["forgotten"] * 3
    again = people(place, "forget", card_id, "--yes")
    assert again.stdout.startswith(f"card {card_id}: there were no people to forget\n")
    assert people(place, "show", NO_CARD).returncode == REFUSED


def test_people_are_forgotten_while_a_server_runs_and_goes_on(place: Place) -> None:
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        bought = shop.bought()
        done = people(place, "forget", bought.card.card_id, "--yes")
        assert done.stdout.startswith(f"card {bought.card.card_id}: its people are forgotten\n")
        assert ("freed space" in done.stdout) == (place.database_url.engine is POSTGRESQL)
        assert shop.paid(bought.code).captured_amount.amount_minor == 50_00
    assert sorted(each.get("lost", "") for each in shown(place, bought.card.card_id)) == [
        "",
        "forgotten",
        "forgotten",
    ]


@pytest.mark.one_database
def test_a_table_shows_all_people_and_controls_no_terminal(place: Place) -> None:
    # The edge refuses control characters; this one reverses the rest of a line.
    name = "\u202e[red]Bravo"
    with running(settings(place), Clock()) as service, shop_at(target_of(service)) as shop:
        card_id = shop.call(changed(sent.issue(), "recipient.name", name)).card.card_id
    shown = people(place, "show", card_id).stdout
    assert sent.BUYER.email in shown
    assert "\\u202e[red]Bravo" in shown
    assert "\u202e" not in shown


@pytest.mark.one_database
@pytest.mark.parametrize("answer", ["", "n\n"])
def test_people_are_not_forgotten_without_a_confirmation(
    place: Place, bought: pb.IssueResponse, answer: str
) -> None:
    card_id = bought.card.card_id
    done = giftcard(
        "people", "forget", card_id, "--offline", stdin=answer, settings=place.environment
    )
    assert (done.returncode, done.stdout.strip()) == (1, "")
    assert "for good?" in done.stderr
    assert not any("lost" in person for person in shown(place, card_id))


@pytest.mark.one_database
def test_a_confirmation_is_enough_to_forget_people(place: Place, bought: pb.IssueResponse) -> None:
    card_id = bought.card.card_id
    done = giftcard(
        "people", "forget", card_id, "--offline", stdin="y\n", settings=place.environment
    )
    assert done.returncode == 0
    assert all("lost" in person for person in shown(place, card_id))


@pytest.mark.one_database
@pytest.mark.parametrize("command", [("show",), ("forget", "--yes")])
@pytest.mark.parametrize(
    ("card_id", "why"),
    [
        (NO_CARD, f"there is no card {NO_CARD}"),
        ("0000-0000-0000-0000", "a card's id has 32 hex digits, and is not its code"),
        ("", "a card's id has 32 hex digits, and is not its code"),
    ],
)
def test_an_unknown_card_is_named_and_a_code_is_never_quoted(
    place: Place, bought: pb.IssueResponse, command: tuple[str, ...], card_id: str, why: str
) -> None:
    done = people(place, *command, card_id)
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert why in done.stderr
    if "-" in card_id:
        assert card_id not in done.stderr
    assert bought.code not in done.stderr


def test_without_the_ring_people_cannot_be_shown_but_forgotten(
    place: Place, bought: pb.IssueResponse, tmp_path: Path
) -> None:
    place.key_file.rename(tmp_path / "elsewhere")
    done = people(place, "show", bought.card.card_id)
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert str(place.key_file) in done.stderr
    assert people(place, "forget", bought.card.card_id, "--yes").returncode == 0


@pytest.mark.parametrize(
    ("secret", "lost"),
    [
        ("k9 ", "the ring lacks the key k1"),
        ("k1 ", "altered since it was saved, or the ring has another key k1"),
    ],
)
def test_with_another_ring_the_missing_key_is_named(
    place: Place, bought: pb.IssueResponse, secret: str, lost: str
) -> None:
    place.key_file.write_text(f"{secret}{'ab' * 32}\n")
    assert [each["lost"] for each in shown(place, bought.card.card_id)] == [lost] * 3


def test_people_of_a_former_database_are_sealed_with_the_ring_of_its_servers(
    kind: Kind, postgresql: PostgresqlProcess, tmp_path: Path
) -> None:
    url = former_database(kind, tmp_path, postgresql)
    place = Place(url.location if url.engine is POSTGRESQL else str(url), tmp_path / "ring")
    refused = giftcard("migrate", settings={"GIFTCARD_DATABASE_URL": place.url})
    assert refused.returncode == REFUSED
    assert "key" in refused.stderr

    place.key_file.touch(mode=0o600)
    place.key_file.write_text(f"{KEY.key_id} {KEY.secret.hex()}\n", encoding="ascii")
    with_ring = {"GIFTCARD_DATABASE_URL": place.url, "GIFTCARD_KEY_FILE": str(place.key_file)}
    migrated = giftcard("migrate", settings=with_ring)
    later = sorted(path.stem for path in MIGRATIONS.glob("[0-9]*.py"))[1:]
    assert migrated.stdout.endswith(f": {', '.join(later)}\n")
    ((card_id, _, _, name, *_), *_) = rows_of("person")
    done = giftcard("people", "show", card_id, "--offline", "--output", "json", settings=with_ring)
    assert name in {person["name"] for person in json.loads(done.stdout)["people"]}


@pytest.mark.one_database
def test_without_a_database_the_commands_end_with_a_sentence(tmp_path: Path) -> None:
    place = Place.in_file(tmp_path)
    for command in (("show",), ("forget", "--yes")):
        done = people(place, *command, NO_CARD)
        assert (done.returncode, done.stdout) == (REFUSED, "")
        assert "there is no" in done.stderr


@pytest.mark.one_database
def test_r32_people_erased_offline_are_noted_and_erased_again_after_a_restore(
    place: Place, bought: pb.IssueResponse, tmp_path: Path
) -> None:
    card_id = bought.card.card_id
    database, journal = place.database_url.path, tmp_path / "erasures.jsonl"
    backup = database.read_bytes()
    done = people(place, "forget", card_id, "--yes", GIFTCARD_ERASURE_JOURNAL=str(journal))
    assert done.returncode == 0
    with closing(connect(place.database_url)) as connection:
        noted = acts_of(connection, RING, card_id)
    assert [(each.act.kind, each.act.by.actor) for each in noted] == [
        (ActKind.PERSON_ERASED, "anna")
    ]
    database.write_bytes(backup)
    for erased in (3, 0):
        again = giftcard("people", "reapply-erasures", str(journal), settings=place.environment)
        assert again.stdout == f"1 erasures were read, and {erased} people erased again\n"
    assert [each["lost"] for each in shown(place, card_id)] == ["forgotten"] * 3
    journal.write_text("[]\n")
    torn = giftcard("people", "reapply-erasures", str(journal), settings=place.environment)
    assert (torn.returncode, "line 1 is no erasure" in torn.stderr) == (REFUSED, True)
    done = giftcard("people", "reindex", settings=place.environment)
    assert done.stdout == "0 people were sealed apart, 0 addresses were hashed anew\n"


@pytest.mark.one_database
@pytest.mark.parametrize("arguments", [("show", NO_CARD), ("forget", NO_CARD, "--yes")])
def test_without_offline_the_database_is_not_touched(
    place: Place, arguments: tuple[str, ...]
) -> None:
    nobody = "127.0.0.1:1"
    asked = ("--actor", "anna", "--target", nobody, "--timeout-seconds", "1")
    done = giftcard("people", *arguments, *asked, settings=place.environment)
    assert done.returncode not in {0, REFUSED}
    assert nobody in done.stderr
