"""What every test may ask for: the real server, running."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from postgresql_process import PostgresqlProcess
from server_process import ServerProcess


class StartServer(Protocol):
    """Starts a server of the test's own."""

    def __call__(
        self,
        *,
        config: str = "",
        settings: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> ServerProcess:
        """Start it in `folder`, a new one unless told; it is gone when the test is over."""


@pytest.fixture(scope="session")
def live_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server with the built-in settings for all tests that share it well.

    Its database fills up as the tests go along, so tests make cards and orders
    of their own. A test that stops the server or counts rows starts its own.
    """
    with ServerProcess(tmp_path_factory.mktemp("live_server")) as server:
        yield server


@pytest.fixture
def start_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """Starts servers of the test's own, with settings of its own."""
    with ExitStack() as running:

        def start(
            *,
            config: str = "",
            settings: Mapping[str, str] | None = None,
            folder: Path | None = None,
        ) -> ServerProcess:
            place = folder or tmp_path_factory.mktemp("server")
            return running.enter_context(ServerProcess(place, config=config, settings=settings))

        yield start


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlProcess]:
    """One PostgreSQL for all tests of this process that share it well; databases are their own."""
    with PostgresqlProcess() as running:
        yield running
