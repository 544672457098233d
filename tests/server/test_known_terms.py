"""R38: the terms that cards were sold under can neither change nor go."""

from contextlib import closing
from typing import Any, Final

import grpc
import pytest

from giftcard_server.errors import StartRefusedError
from giftcard_server.service import Service
from giftcard_storage import database, schema, terms_versions
from given.calls import sent
from given.calls.answered import refusal
from given.calls.shop import shop_at
from given.databases.kinds import Place
from given.servers.running import Clock, running, settings, target_of

NEW_YEAR: Final = {"in_force_from": "2027-01-01", "return_days": 60}
DATED: Final = {"fr": {"versions": [NEW_YEAR]}}


def sell(place: Place, markets: dict[str, Any], clock: Clock | None = None) -> str:
    """Sell a card, and return its code."""
    with (
        running(settings(place, markets=markets), clock or Clock()) as service,
        shop_at(target_of(service)) as shop,
    ):
        return shop.bought().code


def in_january() -> Clock:
    clock = Clock()
    clock.now = clock.now.replace(year=2027, month=1, day=15)
    return clock


def noted(place: Place) -> list[tuple[str, str]]:
    with closing(database.connect(settings(place).database_url)) as opened:
        return [(each.market, each.in_force_from) for each in terms_versions.noted(opened)]


def test_r38_a_version_is_noted_with_its_first_sale(place: Place) -> None:
    sell(place, DATED)
    assert noted(place) == [("fr", "")]
    sell(place, DATED, in_january())
    assert noted(place) == [("fr", ""), ("fr", "2027-01-01")]


@pytest.mark.parametrize(
    ("before", "after", "mistake"),
    [
        (
            {},
            {"fr": {"return_days": 31}},
            (
                "cards of fr were sold under terms that have always held, which the settings"
                " change: return_days was 30 and is 31"
            ),
        ),
        ({}, {"fr": {"time_zone": "Europe/Brussels"}}, 'time_zone was "Europe/Paris" and is'),
        (
            DATED,
            {"fr": {"versions": [NEW_YEAR | {"return_days": 61}]}},
            (
                "cards of fr were sold under terms from 2027-01-01 on, which the settings change:"
                " return_days was 60 and is 61"
            ),
        ),
        (
            DATED,
            {},
            "cards of fr were sold under terms from 2027-01-01 on, which the settings lack",
        ),
        (
            DATED,
            {"fr": {"versions": [NEW_YEAR | {"in_force_from": "2027-01-02"}]}},
            "cards of fr were sold under terms from 2027-01-01 on, which the settings lack",
        ),
    ],
)
def test_r38_terms_that_cards_were_sold_under_neither_change_nor_go(
    place: Place, before: dict[str, Any], after: dict[str, Any], mistake: str
) -> None:
    sell(place, before, in_january())
    with pytest.raises(StartRefusedError) as refused:
        Service(settings(place, markets=after))
    assert mistake in str(refused.value)


@pytest.mark.parametrize(
    "after",
    [
        DATED,
        {"fr": {"longest_hold_seconds": 172800}},
        {"fr": {"preset_amounts_minor": [5000]}},
    ],
)
def test_r38_what_was_not_sold_or_is_not_dated_may_change(
    place: Place, after: dict[str, Any]
) -> None:
    sell(place, {})
    assert sell(place, after)


def test_r38_terms_that_nothing_was_sold_under_may_change(place: Place) -> None:
    with running(settings(place, markets=DATED), Clock()):
        pass
    assert noted(place) == []
    assert sell(place, {"fr": {"return_days": 31}})


def test_r38_cards_of_former_servers_live_under_what_has_always_held(place: Place) -> None:
    sell(place, {})
    with closing(database.connect(settings(place).database_url)) as opened:
        schema.TermsVersion.delete().execute(opened)
    with running(settings(place, markets=DATED), Clock()):
        assert noted(place) == [("fr", "")]
    with pytest.raises(StartRefusedError, match="return_days was 30 and is 31"):
        Service(settings(place, markets={"fr": {"return_days": 31}}))


def test_r38_of_two_servers_with_other_terms_one_sells_and_the_other_is_unavailable(
    place: Place,
) -> None:
    if settings(place).database_url.engine.has_one_writer:
        pytest.skip("an embedded database has one server")
    with (
        running(settings(place), Clock()) as first,
        running(settings(place, markets={"fr": {"return_days": 31}}), Clock()) as second,
        shop_at(target_of(first)) as one,
        shop_at(target_of(second)) as other,
    ):
        one.bought()
        no = refusal(lambda: other.call(sent.issue()))
        assert (no.status, no.text) == (
            grpc.StatusCode.UNAVAILABLE,
            "this server has other terms",
        )


def test_r38_a_server_that_lacks_a_cards_terms_leaves_the_card_to_others(place: Place) -> None:
    if settings(place).database_url.engine.has_one_writer:
        pytest.skip("an embedded database has one server")
    with (
        running(settings(place, markets=DATED), in_january()) as new,
        running(settings(place), in_january()) as old,
        shop_at(target_of(new)) as here,
        shop_at(target_of(old)) as there,
    ):
        request = sent.authorize(here.bought().code)
        assert refusal(lambda: there.call(request)).status is grpc.StatusCode.UNAVAILABLE
        assert here.call(request).authorization.authorized_amount


@pytest.mark.parametrize(
    ("begins", "is_too_late"),
    [("2026-09-14", True), ("2026-09-15", False)],
    ids=["the day of the sale", "the day after"],
)
def test_r38_a_version_does_not_begin_before_cards_that_were_sold_under_another(
    place: Place, begins: str, *, is_too_late: bool
) -> None:
    sell(place, {})
    dated = {"fr": {"versions": [{"in_force_from": begins, "return_days": 60}]}}
    if not is_too_late:
        assert sell(place, dated)
        return
    with pytest.raises(StartRefusedError, match=f"have terms of fr from {begins} on, and cards"):
        Service(settings(place, markets=dated), Clock())
