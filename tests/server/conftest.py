"""A service in this process that all tests of a module share."""

from collections.abc import Iterator

import pytest

from giftcard_server.settings import Settings
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Databases, Kind, Place
from given.servers.running import NOON, Clock, running, settings, target_of


@pytest.fixture(scope="module")
def modules_place(
    kind: Kind, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """The database of the module's service."""
    with databases.empty(kind, tmp_path_factory.mktemp("service")) as lent:
        yield lent


@pytest.fixture(scope="module")
def modules_settings(modules_place: Place) -> Settings:
    """The settings of the module's service."""
    return settings(modules_place)


@pytest.fixture(scope="module")
def standing_clock() -> Clock:
    """The clock of the module's service."""
    return Clock()


@pytest.fixture
def clock(standing_clock: Clock) -> Clock:
    """The clock of the module's service, at noon again."""
    standing_clock.now = NOON
    return standing_clock


@pytest.fixture(scope="module")
def shop(modules_settings: Settings, standing_clock: Clock) -> Iterator[Shop]:
    """A shop at the module's service, on a Monday at noon unless the test moves `clock`."""
    with (
        running(modules_settings, standing_clock) as service,
        shop_at(target_of(service)) as opened,
    ):
        yield opened
