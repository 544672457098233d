"""The call of the terms service."""

from functools import cached_property

from giftcard.v1 import terms_service_pb2
from giftcard.v1.terms_service_pb2_grpc import TermsServiceStub
from giftcard_client.argument_types import checked
from giftcard_client.connection import Connection
from giftcard_client.market_terms import MarketTerms, read_terms
from giftcard_client.wire_requests import expressed


class TermsCalls(Connection):
    """Asks for the public terms of a market."""

    @cached_property
    def _terms_stub(self) -> TermsServiceStub:
        return TermsServiceStub(self._channel)

    @checked
    def terms(self, market: str, *, timeout_seconds: float | None = None) -> MarketTerms:
        """Ask for the terms that a card bought now would live under (R38); changes nothing.

        A market that the service does not have is InvalidRequest.
        """
        request = expressed("", lambda: terms_service_pb2.GetTermsRequest(market=market))
        answer, _ = self._call(self._terms_stub.GetTerms, request, "", timeout_seconds)
        return read_terms(answer)
