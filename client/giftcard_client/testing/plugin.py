"""The fixtures for pytest, which finds them by the entry point `pytest11`.

One server answers all tests of a process; pytest-xdist has one for each of its processes. So
tests make cards and orders of their own, which takes milliseconds. A clock that tests can move
moves time for all of a server, so that a test with `gift_card_clock` has a server of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

from giftcard_client.gift_cards import GiftCards
from giftcard_client.sandbox import Sandbox
from giftcard_client.testing.server import ServerFailed, TemporaryServer, temporary_server

# Long enough for a machine that runs many tests at once.
TIMEOUT_SECONDS = 20.0


@pytest.fixture(scope="session")
def _shared_gift_card_server() -> Iterator[TemporaryServer]:
    """A server for all tests that leave its clock alone."""
    with _server() as server:
        yield server


@pytest.fixture
def gift_card_server(request: pytest.FixtureRequest) -> Iterator[TemporaryServer]:
    """A real server on a free port of this machine, with a new embedded database."""
    if "gift_card_clock" not in request.fixturenames:
        shared: TemporaryServer = request.getfixturevalue("_shared_gift_card_server")
        yield shared
        return
    with _server(sandbox=True) as server:
        yield server


@pytest.fixture
def gift_cards(gift_card_server: TemporaryServer) -> Iterator[GiftCards]:
    """A client of a real server. Make cards with `giftcard_client.testing.new_card`."""
    with GiftCards(gift_card_server.target, timeout_seconds=TIMEOUT_SECONDS) as cards:
        yield cards


@pytest.fixture
def gift_card_clock(gift_card_server: TemporaryServer) -> Iterator[Sandbox]:
    """The clock of a server of this test alone, a sandbox: `gift_card_clock.advance(by=...)`."""
    with Sandbox(gift_card_server.target, timeout_seconds=TIMEOUT_SECONDS) as sandbox:
        yield sandbox


@contextmanager
def _server(*, sandbox: bool = False) -> Iterator[TemporaryServer]:
    """Start a server, or fail the test with what is missing."""
    if find_spec("giftcard_server") is None:
        pytest.fail(
            "gift_cards needs the service: install giftcard-tender beside giftcard-client,"
            " as docs/integrator.md says",
            pytrace=False,
        )
    try:
        with temporary_server(sandbox=sandbox) as server:
            yield server
    except ServerFailed as error:
        pytest.fail(str(error), pytrace=False)
