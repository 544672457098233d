"""`giftcard migrate` on PostgreSQL: it runs on purpose and once, and a wrong schema is named."""

import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg
import pytest

import giftcard_storage
from giftcard_storage import database
from giftcard_storage.errors import DatabaseRefusedError
from given.calls.shop import shop_at
from given.databases.kinds import Place
from given.databases.postgresql_process import PASSWORD, PostgresqlProcess
from given.servers.giftcard_command import SCRIPT, giftcard
from given.servers.server_process import ServerNotReady, ServerProcess

pytestmark = pytest.mark.xdist_group("migrating")

MIGRATIONS: Final = sorted(
    path.stem for path in (Path(giftcard_storage.__file__).parent / "migrations").glob("0*.py")
)
EVERY_MIGRATION: Final = ", ".join(MIGRATIONS)
FENCING: Final = {"0002_sealed_people", "0007_events", "0011_a_key_for_each_person"}
EFFECT: Final = {
    False: "only expands: running servers of the former version go on",
    True: "fences off: running servers of the former version cannot write any more",
}
FUTURE: Final = "9999_from_the_future"
AT_ONCE: Final = 4
REFUSED: Final = 2


@pytest.fixture
def bare(postgresql: PostgresqlProcess, tmp_path: Path) -> Iterator[Place]:
    """An empty database without a schema."""
    url = postgresql.new_database(migrated=False)
    yield Place.on_server(url, tmp_path)
    postgresql.drop(url)


def run(command: str, place: Place) -> subprocess.CompletedProcess[str]:
    """Run a command on a place; its output never holds the password."""
    done = giftcard(command, settings=place.environment)
    assert PASSWORD not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def serving(place: Place, folder: Path, **settings: str) -> ServerProcess:
    environment = {**place.environment, "GIFTCARD_LOG_LEVEL": "DEBUG", **settings}
    return ServerProcess(folder, settings=environment, command=[str(SCRIPT), "serve"])


def refusal_to_serve(place: Place, folder: Path) -> str:
    """Return the output of a server that refuses to start on a place."""
    with pytest.raises(ServerNotReady, match=f"ended with exit code {REFUSED} ") as caught:
        serving(place, folder).start()
    assert PASSWORD not in str(caught.value)
    assert "Traceback" not in str(caught.value)
    return str(caught.value)


def refusal_of(place: Place, why: str) -> str:
    return f"refusing the database {place.database_url}: {why}"


def execute(place: Place, *statements: str) -> None:
    with closing(psycopg.connect(place.url, autocommit=True)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_a_database_is_migrated_once_and_then_there_is_nothing_to_do(bare: Place) -> None:
    first, second = run("migrate", bare), run("migrate", bare)
    assert (first.returncode, first.stdout) == (0, f"{bare.database_url}: {EVERY_MIGRATION}\n")
    assert (second.returncode, second.stdout) == (0, f"{bare.database_url}: nothing to do\n")
    assert run("audit", bare).returncode == 0


def test_each_migration_says_before_it_runs_whether_former_servers_go_on(bare: Place) -> None:
    effects = [f"{name} {EFFECT[name in FENCING]}" for name in MIGRATIONS]
    for _ in range(2):  # The first one changes nothing.
        planned = giftcard("migrate", "--dry-run", settings=bare.environment)
        assert (planned.returncode, planned.stdout.splitlines()) == (0, effects)
    assert run("migrate", bare).stderr.splitlines() == effects
    planned = giftcard("migrate", "--dry-run", settings=bare.environment)
    assert (planned.returncode, planned.stdout) == (0, f"{bare.database_url}: nothing to do\n")


def test_of_several_migrations_at_once_one_does_the_work(bare: Place) -> None:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        done = list(threads.map(run, ["migrate"] * AT_ONCE, [bare] * AT_ONCE))
    assert [each.returncode for each in done] == [0] * AT_ONCE
    results = sorted(each.stdout.rpartition(": ")[2].strip() for each in done)
    assert results == [EVERY_MIGRATION] + ["nothing to do"] * (AT_ONCE - 1)


def test_a_server_does_not_migrate_without_the_setting_and_names_the_command(
    bare: Place, tmp_path: Path
) -> None:
    lacking = refusal_of(bare, f"it lacks {EVERY_MIGRATION}: run `giftcard migrate`")
    assert lacking in refusal_to_serve(bare, tmp_path)
    assert run("migrate", bare).stdout.endswith(f": {EVERY_MIGRATION}\n")
    with serving(bare, tmp_path) as server, shop_at(server.target) as shop:
        assert shop.bought().code


def test_servers_with_the_setting_migrate_once_however_many_start(
    bare: Place, tmp_path: Path
) -> None:
    servers = [
        serving(bare, tmp_path / str(number), GIFTCARD_MIGRATE_ON_START="true")
        for number in range(2)
    ]
    try:
        with ThreadPoolExecutor(len(servers)) as threads:
            list(threads.map(ServerProcess.start, servers))
        for server in servers:
            with shop_at(server.target) as shop:
                assert shop.bought().code
            assert server.ready_line.endswith(f", database {bare.database_url}")
            assert server.terminate() == 0
            assert PASSWORD not in server.ready_line + server.log_text()
    finally:
        for server in servers:
            server.close()
    assert run("migrate", bare).stdout.endswith(": nothing to do\n")


def from_the_future(place: Place) -> None:
    database.migrate(place.database_url)
    # A row like that of a known migration, with an unknown name.
    execute(
        place,
        "CREATE TEMPORARY TABLE known AS SELECT * FROM schema_migration LIMIT 1",
        f"UPDATE known SET name = '{FUTURE}', id = id + 100",  # noqa: S608 - our own
        "INSERT INTO schema_migration SELECT * FROM known",
        f"INSERT INTO schema_fence VALUES ('{FUTURE}')",  # noqa: S608 - likewise
    )


def of_another_program(place: Place) -> None:
    execute(place, "CREATE TABLE note (text text)")


WRONG: Final = (
    (from_the_future, f"it was made by a newer version of giftcard ({FUTURE})"),
    (of_another_program, "there are tables of another program in it"),
)


@pytest.mark.parametrize(("spoil", "why"), WRONG)
def test_a_database_of_another_version_is_refused_and_unchanged(
    bare: Place, tmp_path: Path, spoil: Callable[[Place], None], why: str
) -> None:
    spoil(bare)
    migrated = run("migrate", bare)
    assert (migrated.returncode, migrated.stdout) == (REFUSED, "")
    assert refusal_of(bare, why) in migrated.stderr
    told_to = serving(bare, tmp_path, GIFTCARD_MIGRATE_ON_START="true")
    with pytest.raises(ServerNotReady, match=f"ended with exit code {REFUSED} ") as caught:
        told_to.start()
    assert refusal_of(bare, why) in str(caught.value)


def with_another_password(place: Place) -> Place:
    return Place(place.url.replace(PASSWORD, f"{PASSWORD}-no-longer"), place.key_file)


def at_a_port_where_nobody_listens(place: Place) -> Place:
    host, _, name = place.url.rpartition("/")
    return Place(f"{host.rpartition(':')[0]}:1/{name}", place.key_file)


def of_another_name(place: Place) -> Place:
    return Place(f"{place.url}_of_old", place.key_file)


def with_a_word_that_libpq_does_not_know(place: Place) -> Place:
    return Place(f"{place.url}?secrecy={PASSWORD}", place.key_file)


UNREACHABLE: Final = (
    (with_another_password, "it cannot be reached"),
    (at_a_port_where_nobody_listens, "it cannot be reached"),
    (of_another_name, "it cannot be reached"),
    (with_a_word_that_libpq_does_not_know, "libpq does not understand its URL"),
)


@pytest.mark.parametrize(("changed", "why"), UNREACHABLE)
def test_a_database_out_of_reach_is_named_without_its_password(
    bare: Place, tmp_path: Path, changed: Callable[[Place], Place], why: str
) -> None:
    place = changed(bare)
    assert refusal_of(place, why) in refusal_to_serve(place, tmp_path)
    with pytest.raises(DatabaseRefusedError) as caught:
        database.migrate(place.database_url)
    assert str(caught.value).startswith(refusal_of(place, why))
    assert PASSWORD not in str(caught.value)
