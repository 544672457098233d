"""TermsService: what holds in a market now, and from when."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.type.date_pb2 import Date

from giftcard.v1.terms_service_pb2 import GetTermsRequest, GetTermsResponse
from giftcard.v1.terms_service_pb2_grpc import TermsServiceStub
from giftcard_server.errors import ClockWrongError
from given.calls.answered import refusal
from given.calls.sent import euros
from given.databases.kinds import Place
from given.servers.running import Clock, running, settings, target_of

pytestmark = pytest.mark.one_database
DATED: Final[dict[str, Any]] = {
    "fr": {
        "versions": [
            {
                "in_force_from": "2027-01-01",
                "designs": ["dawn"],
                "max_amount_minor": 250_00,
                "preset_amounts_minor": [],
                "ineligible_categories": ["voucher", "insurance"],
                "return_days": 60,
            }
        ]
    }
}
FIRST: Final = GetTermsResponse(
    market="fr",
    currency_code="EUR",
    min_amount=euros(20_00),
    max_amount=euros(500_00),
    preset_amounts=[euros(each) for each in (25_00, 50_00, 100_00, 150_00, 200_00, 300_00)],
    designs=["classic", "birthday", "christmas", "congratulations", "thank_you", "wedding"],
    validity_months=6,
    cancellation_days=14,
    return_days=30,
    ineligible_categories=["insurance", "mobile_plan"],
    default_hold=Duration(seconds=24 * 3600),
    longest_hold=Duration(seconds=7 * 24 * 3600),
)


def second() -> GetTermsResponse:
    """Return the terms from 2027 on; what they do not name is as before."""
    terms = GetTermsResponse()
    terms.CopyFrom(FIRST)
    for name in ("designs", "preset_amounts", "ineligible_categories"):
        terms.ClearField(name)
    terms.MergeFrom(
        GetTermsResponse(
            in_force_from=Date(year=2027, month=1, day=1),
            max_amount=euros(250_00),
            designs=["dawn"],
            return_days=60,
            ineligible_categories=["insurance", "voucher"],
        )
    )
    return terms


class UntrustedClock(Clock):
    """A clock that can be found to be wrong."""

    is_wrong = False

    def __call__(self) -> datetime:
        if self.is_wrong:
            message = "it is behind"
            raise ClockWrongError(message)
        return super().__call__()


@pytest.fixture(scope="module")
def clock() -> UntrustedClock:
    return UntrustedClock()


@pytest.fixture(scope="module")
def channel(modules_place: Place, clock: UntrustedClock) -> Iterator[grpc.Channel]:
    dated = settings(modules_place, markets=DATED)
    with running(dated, clock) as service, grpc.insecure_channel(target_of(service)) as opened:
        yield opened


def asked(channel: grpc.Channel, market: str) -> GetTermsResponse:
    return TermsServiceStub(channel).GetTerms(GetTermsRequest(market=market), timeout=20)


@pytest.mark.parametrize(
    ("now", "terms"),
    [
        (datetime(2026, 9, 14, 10, 0, tzinfo=UTC), FIRST),
        # Midnight in Paris is an hour before that of UTC.
        (datetime(2026, 12, 31, 22, 59, 59, 999_999, tzinfo=UTC), FIRST),
        (datetime(2026, 12, 31, 23, 0, tzinfo=UTC), second()),
        (datetime(2027, 6, 1, tzinfo=UTC), second()),
    ],
)
def test_r38_the_terms_are_those_of_a_card_that_is_bought_now(
    channel: grpc.Channel, clock: UntrustedClock, now: datetime, terms: GetTermsResponse
) -> None:
    clock.now = now
    assert asked(channel, "fr") == terms


@pytest.mark.parametrize("market", ["", "zz", "FR", "../fr", "x" * 33])
def test_a_market_that_this_service_does_not_have_is_malformed(
    channel: grpc.Channel, market: str
) -> None:
    refused = refusal(lambda: asked(channel, market))
    assert refused.status is grpc.StatusCode.INVALID_ARGUMENT
    assert (refused.fields, refused.reason) == (("market",), None)


def test_while_nobody_knows_the_time_nobody_knows_the_terms(
    channel: grpc.Channel, clock: UntrustedClock
) -> None:
    clock.is_wrong = True
    refused = refusal(lambda: asked(channel, "fr"))
    clock.is_wrong = False
    assert refused.status is grpc.StatusCode.UNAVAILABLE
    assert refused.retry_after is not None
    assert asked(channel, "fr").market == "fr"
