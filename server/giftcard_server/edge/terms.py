"""TermsService: the public terms of a market, as they hold now."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from google.type.date_pb2 import Date

from giftcard.v1 import terms_service_pb2 as pb
from giftcard.v1 import terms_service_pb2_grpc as pb_grpc
from giftcard_server.edge import refusals
from giftcard_server.edge.fields import Fields
from giftcard_server.edge.interception import abort
from giftcard_server.edge.responses import duration
from giftcard_server.errors import ANSWERED, ClockWrongError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import grpc

    from giftcard_rules.current import Markets
    from giftcard_rules.terms import Market, Terms

SERVICE: Final = pb.DESCRIPTOR.services_by_name["TermsService"].full_name
# A wrong clock is set right by somebody, and not within a moment.
RETRY_AFTER: Final = timedelta(seconds=1)


class TermsServicer(pb_grpc.TermsServiceServicer):
    """Answers `giftcard.v1.TermsService` from the settings; no card and no database is asked."""

    def __init__(self, markets: Markets, now: Callable[[], datetime]) -> None:
        self._markets = markets
        self._now = now

    def GetTerms(
        self, request: pb.GetTermsRequest, context: grpc.ServicerContext
    ) -> pb.GetTermsResponse:
        """Tell the terms that a card bought now would live under (R38)."""
        try:
            market = self._market(request)
            return _answer(market, market.terms_at(self._now()))
        except InvalidRequestError as error:
            abort(context, refusals.malformed(error.violations))
        except ClockWrongError:
            abort(context, refusals.try_again(*ANSWERED[ClockWrongError], RETRY_AFTER))

    def _market(self, request: pb.GetTermsRequest) -> Market:
        fields = Fields()
        name = fields.market(request.market)
        if name and name not in self._markets:
            fields.wrong("market", "is not a market of this service")
        fields.require_valid()
        return self._markets[name]


def _answer(market: Market, terms: Terms) -> pb.GetTermsResponse:
    def money(amount_minor: int) -> Any:  # noqa: ANN401 - as in `responses`
        return {"amount_minor": amount_minor, "currency_code": market.currency}

    since = terms.in_force_from
    return pb.GetTermsResponse(
        market=market.name,
        in_force_from=Date(year=since.year, month=since.month, day=since.day) if since else None,
        currency_code=market.currency,
        min_amount=money(terms.min_amount_minor),
        max_amount=money(terms.max_amount_minor),
        preset_amounts=[money(each) for each in terms.preset_amounts_minor],
        designs=terms.designs,
        validity_months=terms.validity_months,
        cancellation_days=terms.cancellation_days,
        return_days=terms.return_days,
        ineligible_categories=sorted(terms.ineligible_categories),
        default_hold=duration(market.default_hold),
        longest_hold=duration(market.longest_hold),
    )
