"""Events are refused where a request is malformed, or where the log does not go on from it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import grpc
import pytest

from giftcard_server.settings import Settings
from given.calls.answered import Refusal, refusal
from given.calls.shop import Shop
from given.calls.watching import Watch, fill, log_of, read, watching
from given.servers.running import NOON
from given.waiting import wait_until

Code = grpc.StatusCode


def asked_in_both_ways(
    shop: Shop, **fields: Any
) -> tuple[Callable[[], object], Callable[[], object]]:
    return (
        lambda: read(shop.channel, **fields),
        lambda: Watch(shop.channel, **fields).begun(),
    )


def refused_in_both_ways(shop: Shop, **fields: Any) -> Refusal:
    """Return the refusal that both RPCs answer."""
    by_reading, by_watching = map(refusal, asked_in_both_ways(shop, **fields))
    assert (by_reading.status, by_reading.reason) == (by_watching.status, by_watching.reason)
    assert (by_reading.fields, by_reading.details) == (by_watching.fields, by_watching.details)
    return by_reading


def end_of(settings: Settings) -> int:
    with log_of(settings.database_url) as log:
        return log.last_position()


TOO_LONG: Final = "x" * 65


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"generation": TOO_LONG}, ("generation",)),
        ({"generation": "a\nb"}, ("generation",)),
        ({"types": [0]}, ("types[0]",)),
        ({"types": [1, 99]}, ("types[1]",)),
        ({"types": [1, 2, 1]}, ("types",)),
        ({"types": [1] * 1000}, ("types",)),
        ({"generation": TOO_LONG, "types": [99]}, ("generation", "types[0]")),
    ],
)
@pytest.mark.one_database
def test_a_malformed_request_is_refused_with_every_violation(
    shop: Shop, fields: dict[str, Any], wrong: tuple[str, ...]
) -> None:
    refused = refused_in_both_ways(shop, **fields)
    assert (refused.status, refused.fields) == (Code.INVALID_ARGUMENT, wrong)


def test_a_page_has_no_negative_size(shop: Shop) -> None:
    assert refusal(lambda: read(shop.channel, page_size=-1)).fields == ("page_size",)


@pytest.mark.parametrize("ahead", [1, 2**63 - 1, 2**64 - 1])
def test_a_position_that_nobody_was_given_is_out_of_range(
    shop: Shop, modules_settings: Settings, ahead: int
) -> None:
    last = end_of(modules_settings)
    refused = refused_in_both_ways(shop, after_position=min(last + ahead, 2**64 - 1))
    assert (refused.status, refused.reason) == (Code.OUT_OF_RANGE, "POSITION_AHEAD")
    assert refused.details == {"last_position": str(last)}


def test_a_position_that_was_removed_is_out_of_range_with_the_oldest_one(
    shop: Shop, modules_settings: Settings
) -> None:
    fill(modules_settings.database_url, 10)
    with log_of(modules_settings.database_url) as log:
        assert log.remove_before(NOON + timedelta(days=1), 5) == 5
        oldest = log.oldest_position()
    refused = refused_in_both_ways(shop, after_position=oldest - 2)
    assert (refused.status, refused.reason) == (Code.OUT_OF_RANGE, "POSITION_GONE")
    assert refused.details == {"oldest_position": str(oldest)}
    assert read(shop.channel, after_position=oldest - 1).events[0].position == oldest


def test_a_former_generation_is_refused_with_the_new_one_and_what_both_have_in_common(
    shop: Shop, modules_settings: Settings
) -> None:
    common = end_of(modules_settings)
    first = read(shop.channel, after_position=common).generation
    with (
        log_of(modules_settings.database_url) as log,
        watching(shop.channel, after_position=common, generation=first) as named,
        watching(shop.channel, after_position=common) as unnamed,
    ):
        second = log.begin_generation(NOON)
        ended = [refusal(watch.end) for watch in (named, unnamed)]
        shop.bought()
        wait_until(lambda: end_of(modules_settings) == common + 1)
        third = log.begin_generation(NOON)
    facts = {"generation": third, "last_common_position": str(common)}
    refused = refused_in_both_ways(shop, after_position=common, generation=first)
    assert (refused.status, refused.reason) == (Code.FAILED_PRECONDITION, "GENERATION_CHANGED")
    assert refused.details == facts
    for each in ended:
        assert (each.status, each.reason) == (Code.FAILED_PRECONDITION, "GENERATION_CHANGED")
        assert each.details == {**facts, "generation": second}
    later = refused_in_both_ways(shop, after_position=common, generation=second)
    assert later.details == {**facts, "last_common_position": str(common + 1)}
    never = refused_in_both_ways(shop, after_position=common, generation="never")
    assert never.details == {**facts, "last_common_position": "0"}
    assert read(shop.channel, after_position=common, generation=third).events
