"""Fixtures of all tests: databases of each kind in turn, and the real server on them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from typing import Protocol

import hypothesis
import pytest

from given import memory
from given.databases.kinds import Databases, Kind, Place
from given.databases.postgresql_process import PostgresqlProcess
from given.servers.server_process import ServerProcess

# Before pytest makes its folder, in each of its processes.
memory.keep_temporary_files()

# An example may take its time on a machine that is busy with other tests.
hypothesis.settings.register_profile("busy machine", deadline=None)
hypothesis.settings.load_profile("busy machine")


def pytest_configure(config: pytest.Config) -> None:
    """Register our own markers."""
    for marker in (
        "one_database: the kind of database makes no difference, so the test runs on one of them",
        "slow: takes long, or needs more than Python has; `make test-slow` runs it",
        "fuzz: tries random input; `make fuzz` does so for longer",
    ):
        config.addinivalue_line("markers", marker)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test with a database on each kind, unless the test chooses its kinds."""
    tables = metafunc.definition.iter_markers("parametrize")
    has_kinds = any("kind" in table.args[0] for table in tables)
    if "kind" in metafunc.fixturenames and not has_kinds:
        one_will_do = metafunc.definition.get_closest_marker("one_database")
        kinds = [Kind.SQLITE] if one_will_do else list(Kind)
        metafunc.parametrize("kind", kinds, ids=str, indirect=True, scope="module")


class StartServer(Protocol):
    """Starts a server for one test."""

    def __call__(
        self,
        *,
        config: str = "",
        settings: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> ServerProcess:
        """Start it in `folder`, by default a new one, and stop it when the test is over."""


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Databases of each kind, for all tests of this process."""
    with closing(Databases()) as made:
        yield made


@pytest.fixture(scope="session")
def postgresql(databases: Databases) -> PostgresqlProcess:
    """One PostgreSQL for all tests of this process; each test has its own databases."""
    return databases.postgresql


@pytest.fixture(scope="module")
def kind(request: pytest.FixtureRequest) -> Kind:
    """The kind of database: each in turn, or SQLite for a test that is marked `one_database`."""
    return Kind(request.param)


@pytest.fixture
def place(kind: Kind, databases: Databases, tmp_path: Path) -> Iterator[Place]:
    """An empty database for one test."""
    with databases.empty(kind, tmp_path) as lent:
        yield lent


@pytest.fixture(scope="session")
def live_servers(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Kind], ServerProcess]]:
    """One server on each kind of database, started when a test first asks for it."""
    with ExitStack() as running:

        @cache
        def on(kind: Kind) -> ServerProcess:
            folder = tmp_path_factory.mktemp(f"live_server_on_{kind}")
            place = running.enter_context(databases.empty(kind, folder))
            return running.enter_context(ServerProcess(folder, settings=place.environment))

        yield on


@pytest.fixture(scope="module")
def live_server(kind: Kind, live_servers: Callable[[Kind], ServerProcess]) -> ServerProcess:
    """One server with the built-in settings, for all tests that can share it.

    Its database fills up as the tests go along, so tests make cards and orders
    of their own. A test that stops the server or counts rows starts its own.
    """
    return live_servers(kind)


@pytest.fixture
def start_server(
    kind: Kind, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartServer]:
    """Starts servers for one test, each with its own settings and database."""
    with ExitStack() as running:

        def start(
            *,
            config: str = "",
            settings: Mapping[str, str] | None = None,
            folder: Path | None = None,
        ) -> ServerProcess:
            within = folder or tmp_path_factory.mktemp("server")
            place = running.enter_context(databases.empty(kind, within))
            environment = {**place.environment, **(settings or {})}
            return running.enter_context(ServerProcess(within, config=config, settings=environment))

        yield start
