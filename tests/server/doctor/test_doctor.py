"""`giftcard doctor`: each thing is broken for real, and its line says what is wrong and to do."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from giftcard_server.doctor.findings import Verdict
from giftcard_server.keys import key_file
from giftcard_storage import database
from giftcard_storage.database import DatabaseUrl
from given.calls import sent
from given.calls.shop import shop_at
from given.databases.kinds import Place
from given.servers.ailments import BROKEN
from given.servers.certificates import Authority
from given.servers.giftcard_command import SCRIPT, giftcard
from given.servers.patient import MAILED, Patient
from given.servers.redis_process import PASSWORD, RedisProcess
from given.servers.running import Clock, dump, running, settings, target_of
from given.servers.server_process import ServerProcess
from given.servers.small_disk import small_disk
from given.servers.smtp_server import SmtpServer

pytestmark = pytest.mark.one_database

OK, WARN, WRONG = Verdict


@pytest.fixture
def patient(tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch) -> Patient:
    return Patient(tmp_path, place, monkeypatch)


@pytest.mark.parametrize(("broken", "check", "verdict", "found", "to_do"), BROKEN)
def test_what_is_broken_has_a_line_that_says_how_to_mend_it(
    patient: Patient,
    broken: Callable[[Patient], object],
    check: str,
    verdict: Verdict,
    found: str,
    to_do: str,
) -> None:
    broken(patient)
    # What is stored is one check with several names.
    only = "database" if check == "clock" else check
    lines = [each for each in patient.findings(only) if each.verdict is not OK]
    assert [
        each
        for each in lines
        if (each.check, each.verdict) == (check, verdict)
        and found in each.found
        and to_do in each.to_do
    ], lines


def test_where_nothing_is_wrong_every_check_says_so(patient: Patient) -> None:
    found = patient.findings()
    assert [each for each in found if each.verdict is not OK] == []
    assert {each.check for each in found} == {
        *("settings", "exposure", "addresses", "threads", "ring", "disk", "database", "cards"),
        *("clock", "certificates", "relay", "templates", "redis", "journal", "traces", "secrets"),
    }


@pytest.fixture
def sold(place: Place) -> Place:
    """A database with a card in each of two markets."""
    of_belgium = sent.issue()
    of_belgium.market = "be"
    with (
        running(settings(place, markets=BELGIUM), Clock()) as service,
        shop_at(target_of(service)) as shop,
    ):
        shop.bought()
        shop.call(of_belgium)
    return place


BELGIUM: Final = {
    "be": {
        "currency": "EUR",
        "time_zone": "Europe/Brussels",
        "holiday_calendar": "BE",
        "min_amount_minor": 1000,
        "max_amount_minor": 90_000,
    }
}
IN_TOML: Final = "[markets.be]\n" + "\n".join(
    f"{name} = {json.dumps(value)}" for name, value in BELGIUM["be"].items()
)


def test_what_cards_need_of_ring_and_settings_is_compared(sold: Place, patient: Patient) -> None:
    def about_cards() -> str:
        return "\n".join(str(each) for each in patient.findings() if each.check == "cards")

    patient.write(IN_TOML)
    assert "the settings have what the 2 cards need" in about_cards()
    patient.write(IN_TOML.replace("90000", "80000"))
    assert "which the settings change: max_amount_minor" in about_cards()
    patient.write("")
    assert "1 cards need the market be" in about_cards()
    patient.place.key_file.unlink()
    key_file.make(patient.place.key_file)
    told = about_cards()
    assert "the key k1 is not the one that cards were made with" in told
    assert "1 cards need the market be" in told


def test_all_mistakes_are_told_at_once_and_the_rest_is_looked_at(patient: Patient) -> None:
    patient.set(WORKERS="x", BATCH_LIMIT="0", TLS_KEY="/nowhere", ERASURE_JOURNAL="/nowhere/j")
    patient.place.key_file.chmod(0o644)
    wrong = {
        (each.check, each.found.partition(":")[0])
        for each in patient.findings()
        if each.verdict is WRONG
    }
    assert {("settings", "workers"), ("settings", "batch_limit")} <= wrong
    assert {check for check, _ in wrong} == {"settings", "ring", "cards", "certificates", "journal"}


# What the relay does, or is; and what is said of it.
RELAYS: Final[tuple[tuple[dict[str, str], dict[str, str], Verdict, str], ...]] = (
    ({}, {}, OK, "takes the messages of fr"),
    ({"AUTH": "535 5.7.8 no"}, {}, WRONG, "the relay refused AUTH: 535 5.7.8"),
    ({}, {"SMTP_CA": "tls/ca.pem"}, WRONG, "the relay's certificate cannot be trusted"),
    ({}, {"SMTP_SECURITY": "tls"}, WRONG, "TLS with the relay failed"),
)


def test_the_relay_is_asked_as_for_a_message_and_gets_none(
    patient: Patient, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "relays")
    certificate = authority.certify("relay", "IP:127.0.0.1")
    patient.write(MAILED)
    patient.patch.chdir(patient.folder)
    with SmtpServer(authority, certificate=certificate) as server:
        for acts, changes, verdict, said in RELAYS:
            server.acts = acts
            patient.set_all(server.settings)
            patient.set(
                **{
                    name: patient.tls / f"{value}.pem" if value == "ca" else value
                    for name, value in changes.items()
                }
            )
            (line,) = [each for each in patient.findings("relay") if each.check == "relay"]
            assert (line.verdict, said in line.found) == (verdict, True), line
        assert server.received == []


def test_a_real_redis_is_asked(patient: Patient) -> None:
    with RedisProcess() as redis:
        patient.set(ATTEMPTS_REDIS_URL=redis.patient_url)
        assert [each.verdict for each in patient.findings("redis") if each.check == "redis"] == [OK]
        patient.set(ATTEMPTS_REDIS_URL=redis.patient_url.replace(PASSWORD, "another"))
        (line,) = [each for each in patient.findings("redis") if each.check == "redis"]
        assert (line.verdict, "AuthenticationError" in line.found) == (WRONG, True)


def test_a_disk_that_is_short_or_full_is_told(patient: Patient, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        url = DatabaseUrl.of_file(disk.folder / "giftcard.db")
        database.migrate(url)
        patient.set(DATABASE_URL=url)
        told = {each.check: each for each in patient.findings() if each.verdict is not OK}
        assert ([*told], told["disk"].verdict) == (["disk"], WARN)
        disk.fill()
        told = {each.check: each for each in patient.findings("database")}
        assert "the disk is full: 0 bytes are free" in told["database"].found


def test_it_changes_nothing(patient: Patient, sold: Place) -> None:
    patient.write(IN_TOML)
    patient.set(ERASURE_JOURNAL=patient.folder / "journal")

    def all_there_is() -> tuple[object, ...]:
        files = sorted(path for path in patient.folder.rglob("*") if "turn" not in path.name)
        return files, dump(sold.database_url), sold.key_file.read_bytes()

    before = all_there_is()
    patient.findings()
    assert all_there_is() == before


def test_nothing_is_made_where_there_is_nothing_yet(
    tmp_path: Path, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (new := tmp_path / "new").mkdir()
    monkeypatch.delenv("GIFTCARD_KEY_FILE")
    patient.set(DATABASE_URL=f"sqlite:///{new}/giftcard.db")
    told = {each.check: each for each in patient.findings("ring", "database")}
    assert ({each.verdict for each in told.values()}, [*new.iterdir()]) == ({OK}, [])
    assert "is new: a server makes its tables" in told["database"].found


def test_the_command_works_beside_a_server_and_where_none_can_start(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "server") as server:
        done = subprocess.run(
            [SCRIPT, "doctor", "-o", "json"],
            env=server.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        report = json.loads(done.stdout)
        assert (done.returncode, report["wrong"]) == (0, False), report
    broken = server.environment | {"GIFTCARD_BATCH_LIMIT": "none", "GIFTCARD_WRKERS": "4"}
    done = giftcard("doctor", settings=broken)
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if not line.startswith("ok")]
    assert [line[:20].split() for line in lines] == [["wrong", "settings"], ["warn", "settings"]]
    assert "-> correct it where it is set" in lines[0]
