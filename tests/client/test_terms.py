"""The terms of a market, by the client at the real server and at one that tells more."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from google.type.date_pb2 import Date

from giftcard.v1 import terms_service_pb2
from giftcard_client import GiftCards, InvalidRequest, MarketTerms, Money
from given.calls.sent import euros
from given.calls.shop import TIMEOUT_SECONDS
from given.checkout.faulty_gateway import FaultyGateway, answer, lose_request


@pytest.fixture
def scripted() -> Iterator[FaultyGateway]:
    with FaultyGateway() as running:
        yield running


def test_a_storefront_learns_what_it_may_sell(cards: GiftCards) -> None:
    terms = cards.terms("fr")
    assert terms == MarketTerms(
        market="fr",
        in_force_from=None,
        currency_code="EUR",
        min_amount=Money(2000),
        max_amount=Money(50000),
        preset_amounts=tuple(map(Money, (2500, 5000, 10000, 15000, 20000, 30000))),
        designs=("classic", "birthday", "christmas", "congratulations", "thank_you", "wedding"),
        validity_months=6,
        cancellation_days=14,
        return_days=30,
        ineligible_categories=("insurance", "mobile_plan"),
        default_hold=timedelta(days=1),
        longest_hold=timedelta(days=7),
    )


def test_a_market_that_the_service_does_not_have_is_an_invalid_request(cards: GiftCards) -> None:
    with pytest.raises(InvalidRequest) as caught:
        cards.terms("zz")
    assert [each.field for each in caught.value.violations] == ["market"]


def test_dated_terms_are_asked_for_again_where_the_line_broke(scripted: FaultyGateway) -> None:
    dated = terms_service_pb2.GetTermsResponse(
        market="ch",
        in_force_from=Date(year=2027, month=2, day=28),
        min_amount=euros(1),
        default_hold=Duration(seconds=90),
    )
    scripted.next("GetTerms", lose_request, answer(dated))
    with GiftCards(scripted.target, timeout_seconds=TIMEOUT_SECONDS) as cards:
        terms = cards.terms("ch")
    assert (terms.in_force_from, terms.min_amount) == (date(2027, 2, 28), Money(1))
    assert terms.default_hold == timedelta(seconds=90)
    assert len(scripted.calls("GetTerms")) == 2
