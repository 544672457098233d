"""R7: further markets from a TOML file, each with its own terms."""

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from conftest import StartServer
from giftcard.v1.order_pb2 import Money
from giftcard_server.errors import StartRefusedError
from giftcard_server.service import Service
from given.calls import sent
from given.calls.answered import refusal
from given.calls.sent import changed
from given.calls.shop import Shop, shop_at
from given.databases.kinds import Place
from given.servers.running import Clock, running, settings, target_of

TOML: Final = """
[markets.us]
currency = "USD"
time_zone = "America/New_York"
min_amount_minor = 500
max_amount_minor = 200000
preset_amounts_minor = [2500, 5000]
designs = ["plain", "thanksgiving"]
validity_months = 12
cancellation_days = 14
return_days = 60
default_hold_seconds = 600
longest_hold_seconds = 1200
holiday_calendar = "US"
ineligible_categories = ["books"]

[markets.fr]
max_amount_minor = 60000
"""
# In New York it is still Wednesday the 11th.
EARLY: Final = datetime(2026, 11, 12, 3, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def standing_clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def shop(modules_place: Place, standing_clock: Clock) -> Iterator[Shop]:
    with_markets = settings(modules_place, **tomllib.loads(TOML))
    with running(with_markets, standing_clock) as service, shop_at(target_of(service)) as opened:
        yield opened


def dollars(amount_minor: int) -> Money:
    return Money(amount_minor=amount_minor, currency_code="USD")


def american(amount_minor: int = 50_00) -> Any:
    request = changed(sent.issue(), "amount", dollars(amount_minor))
    return changed(changed(request, "market", "us"), "design", "")


def checkout(code: str, market: str, currency: str, category: str = "smartphone") -> Any:
    wanted = sent.order(50_00, currency=currency, category=category)
    return changed(sent.authorize(code, wanted), "market", market)


def test_a_card_lives_by_the_terms_of_its_own_market(shop: Shop, clock: Clock) -> None:
    clock.now = EARLY
    card = shop.call(american()).card
    assert (card.market, card.initial_amount) == ("us", dollars(50_00))
    # R12: through 11 November 2027, New York time.
    assert card.expire_time.ToJsonString() == "2027-11-12T05:00:00Z"


def test_r25_a_period_that_ends_on_thanksgiving_ends_the_day_after(
    shop: Shop, clock: Clock
) -> None:
    clock.now = datetime(2026, 11, 12, 12, 0, tzinfo=UTC)
    in_time, too_late = american(), american()
    codes = [shop.call(purchase).code for purchase in (in_time, too_late)]
    clock.now = datetime(2026, 11, 28, 4, 59, tzinfo=UTC)
    shop.call(sent.cancel(codes[0], in_time.purchase.order_id))
    clock.now = datetime(2026, 11, 28, 5, 0, tzinfo=UTC)
    no = refusal(lambda: shop.call(sent.cancel(codes[1], too_late.purchase.order_id)))
    assert no.details == {"deadline": "2026-11-28T05:00:00Z"}


def test_a_hold_is_as_long_as_the_terms_of_its_market(shop: Shop, clock: Clock) -> None:
    code = shop.call(american()).code
    held = shop.call(checkout(code, "us", "USD")).authorization
    assert held.expire_time.seconds - held.create_time.seconds == 600


def french_code(shop: Shop) -> str:
    return shop.bought().code


def american_code(shop: Shop) -> str:
    return str(shop.call(american()).code)


# Whose card, on which platform, in which currency, for what; and why not.
USES: Final = (
    (french_code, "us", "EUR", "smartphone", "WRONG_MARKET"),
    (french_code, "us", "USD", "smartphone", "WRONG_MARKET"),
    (french_code, "fr", "USD", "smartphone", "CURRENCY_MISMATCH"),
    (american_code, "fr", "USD", "smartphone", "WRONG_MARKET"),
    (american_code, "us", "EUR", "smartphone", "CURRENCY_MISMATCH"),
    (american_code, "us", "USD", "books", "NOTHING_ELIGIBLE"),
    (american_code, "us", "USD", "insurance", None),
    (french_code, "fr", "EUR", "books", None),
)


@pytest.mark.parametrize(("code_of", "market", "currency", "category", "reason"), USES)
def test_a_card_works_on_its_own_platform_in_its_own_currency(
    shop: Shop, clock: Clock, code_of: Any, market: str, currency: str, category: str, reason: Any
) -> None:
    request = checkout(code_of(shop), market, currency, category)
    if reason is not None:
        assert refusal(lambda: shop.call(request)).reason == reason
    else:
        assert shop.call(request).authorization.market == market


def test_one_order_number_may_be_used_on_two_platforms(shop: Shop, clock: Clock) -> None:
    french, other = checkout(french_code(shop), "fr", "EUR"), american_code(shop)
    shop.call(french)
    same_number = changed(checkout(other, "us", "USD"), "order.order_id", french.order.order_id)
    assert shop.call(same_number).authorization.order_id == french.order.order_id


# R2, on either side of each market's range; that of France is overridden.
AMOUNTS: Final = (
    ("us", 4_99, "AMOUNT_OUT_OF_RANGE"),
    ("us", 5_00, None),
    ("us", 2000_00, None),
    ("us", 2000_01, "AMOUNT_OUT_OF_RANGE"),
    ("fr", 600_00, None),
    ("fr", 600_01, "AMOUNT_OUT_OF_RANGE"),
)


@pytest.mark.parametrize(("market", "amount_minor", "reason"), AMOUNTS)
def test_r2_each_market_has_its_own_range(
    shop: Shop, market: str, amount_minor: int, reason: str | None
) -> None:
    purchase = american(amount_minor) if market == "us" else sent.issue(amount_minor)
    if reason is not None:
        assert refusal(lambda: shop.call(purchase)).reason == reason
    else:
        assert shop.call(purchase).code


def test_r4_each_market_has_its_own_designs(shop: Shop) -> None:
    french_design = changed(american(), "design", "christmas")
    assert refusal(lambda: shop.call(french_design)).fields == ("design",)
    assert shop.call(changed(american(), "design", "thanksgiving")).code


def test_a_market_in_the_file_of_a_real_server_works(start_server: StartServer) -> None:
    server = start_server(config=TOML)
    with shop_at(server.target) as shop:
        code = american_code(shop)
        assert refusal(lambda: shop.call(checkout(code, "fr", "USD"))).reason == "WRONG_MARKET"
        assert shop.call(checkout(code, "us", "USD")).authorization.authorized_amount


@pytest.mark.parametrize(
    ("markets", "mistake"),
    [
        ({}, "1 cards need the market us"),
        (
            {"us": tomllib.loads(TOML)["markets"]["us"] | {"currency": "CAD"}},
            "1 cards of us are in USD",
        ),
    ],
)
def test_a_market_with_cards_cannot_be_removed(
    place: Place, markets: dict[str, Any], mistake: str
) -> None:
    with_markets = settings(place, **tomllib.loads(TOML))
    with running(with_markets, Clock()) as service, shop_at(target_of(service)) as shop:
        american_code(shop)
    with pytest.raises(StartRefusedError, match=mistake):
        Service(settings(place, markets=markets))
