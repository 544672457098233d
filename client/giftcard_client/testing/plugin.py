"""The fixtures for pytest, which finds them by the entry point `pytest11`.

One server answers all tests of a process; pytest-xdist has one for each of its processes. So
tests make cards and orders of their own, which takes milliseconds. A clock that tests can move
would move time for all of them: a test that asks for it needs a server of its own, and gets it
where `gift_card_server` is made.
"""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from giftcard_client.gift_cards import GiftCards
from giftcard_client.testing.server import ServerFailed, TemporaryServer, temporary_server

# Long enough for a machine that runs many tests at once.
TIMEOUT_SECONDS = 20.0


@pytest.fixture(scope="session")
def gift_card_server() -> Iterator[TemporaryServer]:
    """A real server on a free port of this machine, with a new embedded database."""
    if find_spec("giftcard_server") is None:
        pytest.fail(
            "gift_cards needs the service: install giftcard-tender beside giftcard-client,"
            " as docs/integrator.md says",
            pytrace=False,
        )
    try:
        with temporary_server() as server:
            yield server
    except ServerFailed as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def gift_cards(gift_card_server: TemporaryServer) -> Iterator[GiftCards]:
    """A client of a real server. Make cards with `giftcard_client.testing.new_card`."""
    with GiftCards(gift_card_server.target, timeout_seconds=TIMEOUT_SECONDS) as cards:
        yield cards
