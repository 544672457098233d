"""`giftcard backup` and `giftcard restore`, beside a running server and after it."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from giftcard.v1 import privacy_service_pb2, support_service_pb2
from giftcard_server.callers.four_eyes import FourEyes
from giftcard_storage.engines.sqlite_file import open_file
from given.calls import sent
from given.calls.desk import Desk, by
from given.calls.shop import Shop, shop_at
from given.servers.giftcard_command import giftcard
from given.servers.running import Clock, running, settings, target_of

pytestmark = pytest.mark.one_database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "server"
    made.mkdir()
    return made


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with running(settings(folder), Clock()) as service, shop_at(target_of(service)) as opened:
        yield opened


def environment(folder: Path) -> dict[str, str]:
    return {
        "GIFTCARD_DATABASE_URL": f"sqlite:///{settings(folder).database_url.path}",
        "GIFTCARD_ERASURE_JOURNAL": str(folder.with_name("erasures.jsonl")),
    }


def command(folder: Path, *arguments: str | Path) -> tuple[int, str]:
    done = giftcard(*map(str, arguments), settings=environment(folder))
    return done.returncode, done.stdout + done.stderr


def test_a_backup_of_a_running_server_is_whole_and_can_be_restored(
    folder: Path, tmp_path: Path
) -> None:
    kept, rings = tmp_path / "kept", tmp_path / "rings"
    kept.mkdir()
    rings.mkdir()
    copy, ring = kept / "copy.db", rings / "ring.keys"
    with running(settings(folder), Clock()) as service, shop_at(target_of(service)) as shop:
        card = shop.bought()
        exit_code, said = command(folder, "backup", copy, "--keys-to", ring)
        assert (exit_code, "every invariant was checked" in said) == (0, True), said
        assert stat.S_IMODE(copy.stat().st_mode) == stat.S_IMODE(ring.stat().st_mode) == 0o600
        forgotten = shop.bought()
        exit_code, said = command(folder, "restore", copy, "--replace")
        assert (exit_code, "stop the server first" in said) == (2, True), said
    assert command(folder, "restore", copy)[0] == 2
    exit_code, said = command(folder, "restore", copy, "--replace")
    assert exit_code == 0, said
    assert "of events has begun after position 1." in said
    assert len(list(folder.glob("*.replaced-*Z"))) == 1
    with running(settings(folder), Clock()) as service, shop_at(target_of(service)) as shop:
        assert shop.call(sent.validate(card.code)).usable
        assert not shop.call(sent.validate(forgotten.code)).usable
    assert command(folder, "audit")[0] == 0


def test_a_backup_replaces_nothing_and_stays_apart_from_the_ring(
    shop: Shop, folder: Path, tmp_path: Path
) -> None:
    shop.bought()
    copy = tmp_path / "copy.db"
    exit_code, said = command(folder, "backup", copy, "--keys-to", tmp_path / "ring.keys")
    assert (exit_code, "different folders" in said) == (2, True)
    assert not copy.exists()
    assert command(folder, "backup", copy)[0] == 0
    exit_code, said = command(folder, "backup", copy)
    assert (exit_code, "a backup replaces nothing" in said) == (2, True)


def test_a_backup_that_was_tampered_with_is_not_restored(
    shop: Shop, folder: Path, tmp_path: Path
) -> None:
    shop.bought()
    copy = tmp_path / "copy.db"
    assert command(folder, "backup", copy)[0] == 0
    damaged = open_file(copy)
    damaged.execute_sql("UPDATE card SET balance_minor = balance_minor - 1")
    damaged.close()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    exit_code, said = command(elsewhere, "restore", copy)
    assert (exit_code, "is not a sound ledger" in said) == (1, True), said
    assert list(elsewhere.iterdir()) == []


def test_r32_who_was_erased_after_the_backup_is_erased_in_what_is_restored(
    folder: Path, tmp_path: Path
) -> None:
    copy, journal = tmp_path / "copy.db", tmp_path / "erasures.jsonl"
    at_once = settings(folder, erasure_journal=journal, four_eyes=FourEyes(acts=()))
    with running(at_once, Clock()) as service, shop_at(target_of(service)) as opened:
        desk = Desk(opened.channel)
        card_id = desk.bought().card.card_id
        assert command(folder, "backup", copy)[0] == 0
        request_id = sent.new_id()
        desk.call(
            privacy_service_pb2.ErasePersonRequest(request_id=request_id, card_id=card_id, **by())
        )
    exit_code, said = command(folder, "restore", copy, "--replace")
    assert exit_code == 0, said
    assert "people of 1 erasures were erased again." in said
    with running(at_once, Clock()) as service, shop_at(target_of(service)) as opened:
        shown = Desk(opened.channel).call(support_service_pb2.GetCardRequest(card_id=card_id))
    states = {person.state for person in shown.people}
    assert states == {support_service_pb2.PERSON_STATE_ERASED}
