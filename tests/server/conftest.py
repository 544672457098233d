"""A service in this process that everybody may call, and that nobody may leave changed."""

from collections.abc import Iterator

import pytest

from giftcard_server.settings import Settings
from server.running import NOON, Clock, running, settings, target_of
from server.shop import Shop, shop_at


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of the module's service."""
    return settings(tmp_path_factory.mktemp("service"))


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
def shop(told: Settings, standing_clock: Clock) -> Iterator[Shop]:
    """A shop at the module's service, on a Monday at noon unless the test moves `clock`."""
    with running(told, standing_clock) as service, shop_at(target_of(service)) as opened:
        yield opened
