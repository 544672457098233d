"""`giftcard doctor` on PostgreSQL: schema, durability, poolers, and a server that is away."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from giftcard_server.doctor.findings import Verdict
from giftcard_storage.engines.postgresql_fitness import version_doubts
from given.databases.kinds import Kind, Place
from given.databases.pgbouncer_process import PgbouncerProcess
from given.databases.postgresql_process import PostgresqlProcess
from given.servers.patient import Patient

OK, WARN, WRONG = Verdict
Urls = Callable[[str, PostgresqlProcess], str]


def with_lossy_commits(url: str, _: PostgresqlProcess) -> str:
    return f"{url}?options=-c%20synchronous_commit%3Doff"


def of_another_program(_: str, postgresql: PostgresqlProcess) -> str:
    return postgresql.url("postgres")


def away(url: str, _: PostgresqlProcess) -> str:
    return re.sub(r":\d+/", ":1/", url)


# The URL, and the lines about the database: how they begin, and what is to be done.
URLS: Final[tuple[tuple[Urls, Verdict, str, str], ...]] = (
    (lambda url, _: url, OK, r"postgresql://giftcard@127.0.0.1:\d+/books_\d+ \(PostgreSQL", ""),
    (with_lossy_commits, WRONG, "its synchronous_commit is off: a crash", "change it on Postg"),
    (
        lambda _, postgresql: postgresql.new_database(migrated=False),
        *(WRONG, r".* lacks the migrations 0001_cards, .*0013", "run `giftcard migrate`"),
    ),
    (away, WRONG, "refusing the database .*: it cannot be reached", "that it is up"),
)


@pytest.mark.parametrize("kind", [Kind.POSTGRESQL], indirect=True)
def test_the_database_is_looked_at_as_a_start_does(
    place: Place, postgresql: PostgresqlProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = Patient(tmp_path, place, monkeypatch)
    for url_of, verdict, begins, to_do in URLS:
        patient.set(DATABASE_URL=url_of(place.url, postgresql))
        found = patient.findings("database")
        (line,) = [each for each in found if each.check == "database"]
        assert (line.verdict, to_do in line.to_do) == (verdict, True), line
        assert re.match(begins, line.found), line
    patient.set(DATABASE_URL=place.url)
    assert [each.verdict for each in patient.findings("ring", "redis")] == [OK, OK, WARN]
    patient.patch.delenv("GIFTCARD_KEY_FILE")
    (line,) = [each for each in patient.findings("ring") if each.verdict is WRONG]
    assert "servers that share a database need the same keys" in line.found


@pytest.mark.parametrize("kind", [Kind.POSTGRESQL], indirect=True)
def test_a_pooler_that_lends_sessions_for_a_transaction_is_named(
    place: Place, postgresql: PostgresqlProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = Patient(tmp_path, place, monkeypatch)
    with PgbouncerProcess(postgresql, pool_mode="transaction") as pgbouncer:
        patient.set(DATABASE_URL=pgbouncer.through(place.url))
        (line,) = [each for each in patient.findings("database") if each.check == "database"]
    assert (line.verdict, "pool_mode = session" in line.found) == (WRONG, True)


@pytest.mark.parametrize(
    ("number", "doubts"),
    [(140012, ["PostgreSQL 14.12 gets no more fixes: upgrade it"]), (150000, []), (180006, [])],
)
def test_a_postgresql_without_fixes_is_a_doubt(number: int, doubts: list[str]) -> None:
    assert [*version_doubts(number)] == doubts
