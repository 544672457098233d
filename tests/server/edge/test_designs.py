"""R4, R38: whether a design is on offer depends on the day, and a replay may be of another day."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import grpc
import pytest

from giftcard_server.service import Service
from given.calls import sent
from given.calls.answered import refusal
from given.calls.sent import changed
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Place
from given.servers.running import Clock, running, settings, target_of

MARKETS: Final = {
    "fr": {"versions": [{"in_force_from": "2027-01-01", "designs": ["plain", "birthday"]}]}
}
EVE: Final = datetime(2026, 12, 31, 22, 59, tzinfo=UTC)
MIDNIGHT: Final = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.now = EVE
    return clock


@pytest.fixture
def service(place: Place, clock: Clock) -> Iterator[Service]:
    with running(settings(place, markets=MARKETS), clock) as running_service:
        yield running_service


@pytest.fixture
def shop(service: Service) -> Iterator[Shop]:
    with shop_at(target_of(service)) as opened:
        yield opened


def test_a_replay_is_answered_after_its_design_went_off_sale(shop: Shop, clock: Clock) -> None:
    request = changed(sent.issue(), "design", "wedding")
    first = shop.call(request)
    clock.now = MIDNIGHT
    assert shop.call(request) == first
    assert refusal(lambda: shop.call(changed(sent.issue(), "design", "wedding"))).fields == (
        "design",
    )


def test_a_design_of_another_day_is_malformed_and_leaves_no_trace(shop: Shop, clock: Clock) -> None:
    request = changed(sent.issue(), "design", "plain")
    early = refusal(lambda: shop.call(request))
    assert early.status is grpc.StatusCode.INVALID_ARGUMENT
    assert early.fields == ("design",)
    clock.now = MIDNIGHT
    assert shop.call(request).code


def test_a_design_of_no_version_is_malformed(shop: Shop) -> None:
    no = refusal(lambda: shop.call(changed(sent.issue(), "design", "halloween")))
    assert (no.status, no.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ("design",))


def test_a_design_of_another_day_is_named_beside_other_violations(shop: Shop) -> None:
    request = changed(changed(sent.issue(), "design", "plain"), "purchaser.email", "")
    no = refusal(lambda: shop.call(request))
    assert no.fields == ("purchaser.email", "design")
