"""A desk at a service of the module, whose clock a test may move."""

from collections.abc import Iterator

import pytest

from giftcard_server.settings import Settings
from giftcard_storage.audit import audit
from giftcard_storage.database import connect
from given.calls.desk import Desk
from given.calls.shop import shop_at
from given.databases.kinds import Place
from given.servers.running import NOON, Clock, running, settings, target_of


@pytest.fixture(scope="module")
def desks_settings(modules_place: Place) -> Settings:
    """The settings of the module's service, as operators have them by default."""
    return settings(modules_place)


@pytest.fixture(scope="module")
def standing_desk(desks_settings: Settings, standing_clock: Clock) -> Iterator[Desk]:
    """The module's desk; the books are right when the last test is over."""
    with (
        running(desks_settings, standing_clock) as service,
        shop_at(target_of(service)) as shop,
    ):
        yield Desk(shop.channel)
    connection = connect(desks_settings.database_url)
    assert audit(connection) == []
    connection.close()


@pytest.fixture
def desk(standing_desk: Desk, standing_clock: Clock) -> Desk:
    """The module's desk, at noon again."""
    standing_clock.now = NOON
    return standing_desk
