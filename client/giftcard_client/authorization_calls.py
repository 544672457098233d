"""The calls of the authorization service."""

from datetime import date, timedelta
from functools import cached_property
from uuid import UUID

from giftcard.v1 import authorization_service_pb2 as messages
from giftcard.v1 import gift_card_service_pb2
from giftcard.v1.authorization_service_pb2_grpc import AuthorizationServiceStub
from giftcard_client.argument_types import checked
from giftcard_client.connection import Connection
from giftcard_client.results import Authorization
from giftcard_client.shown_authorizations import (
    Extended,
    ReversePreview,
    ShownAuthorization,
    ShownAuthorizations,
    read_extended,
    read_preview,
    read_shown,
)
from giftcard_client.values import Contact, Money
from giftcard_client.vocabulary import ReverseReason
from giftcard_client.wire_answers import read_authorization
from giftcard_client.wire_requests import (
    contact_message,
    date_message,
    duration_message,
    expressed,
    given_or_new,
    money_message,
    name_target,
)

PAGE_SIZE = 100


class AuthorizationCalls(Connection):
    """Looks at authorizations, holds longer, and asks what Reverse would answer."""

    @cached_property
    def _authorizations_stub(self) -> AuthorizationServiceStub:
        return AuthorizationServiceStub(self._channel)

    @checked
    def authorization(
        self,
        authorization_id: str | None = None,
        *,
        authorize_request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> ShownAuthorization:
        """Look at an authorization of any caller as it is now; changes nothing.

        It is named by its `authorization_id` or, where the answer of `authorize` was lost,
        by its `authorize_request_id`, of this caller: exactly one of them, else TypeError.

        Reasons: AUTHORIZATION_NOT_FOUND. Of an `authorize_request_id` that says that
        nothing is authorized now, and not that it never will be: only `reverse` prevents
        an authorize that is still on its way (R36).
        """
        request = expressed(
            "",
            lambda: name_target(
                messages.GetAuthorizationRequest(), authorization_id, authorize_request_id
            ),
        )
        answer, _ = self._call(
            self._authorizations_stub.GetAuthorization, request, "", timeout_seconds
        )
        return read_shown(answer)

    @checked
    def authorizations(
        self, market: str, order_id: str, *, timeout_seconds: float | None = None
    ) -> ShownAuthorizations:
        """Look at all authorizations of an order, closed ones too, oldest first.

        Changes nothing. A long list takes several calls, each with the deadline.
        """
        found: list[Authorization] = []
        token = ""
        while True:
            request = _page(market, order_id, token)
            answer, _ = self._call(
                self._authorizations_stub.ListAuthorizations, request, "", timeout_seconds
            )
            found += map(read_authorization, answer.authorizations)
            token = answer.next_page_token
            if not token:
                return ShownAuthorizations(tuple(found))

    @checked
    def extend(
        self,
        authorization_id: str,
        hold_for: timedelta,
        request_id: str | UUID | None = None,
        *,
        timeout_seconds: float | None = None,
    ) -> Extended:
        """Hold longer, without the code: from now on for `hold_for` (more than zero).

        A hold ends at the latest when the market's longest hold, counted from the first
        authorize for the order, is over (R35); the answer's `expire_time` says when. It
        never gets shorter.

        Reasons: AUTHORIZATION_NOT_FOUND, CARD_BLOCKED (R37), AUTHORIZATION_CAPTURED,
        _RELEASED, _LAPSED (R34).
        """
        sent_id = given_or_new(request_id)
        request = expressed(
            sent_id,
            lambda: messages.ExtendAuthorizationRequest(
                request_id=sent_id,
                authorization_id=authorization_id,
                hold_for=duration_message(hold_for),
            ),
        )
        answer, replayed = self._call(
            self._authorizations_stub.ExtendAuthorization, request, sent_id, timeout_seconds
        )
        return read_extended(answer, replayed=replayed)

    @checked
    def preview_reverse(  # noqa: PLR0913 - the fields of the contract, all by name
        self,
        authorization_id: str | None = None,
        *,
        reason: ReverseReason,
        authorize_request_id: str | UUID | None = None,
        refund_amount: Money | None = None,
        delivered_on: date | None = None,
        before_delivery: bool = False,
        exercised_on: date | None = None,
        beneficiary: Contact | None = None,
        timeout_seconds: float | None = None,
    ) -> ReversePreview:
        """Ask what `reverse` with the same arguments would answer now; changes nothing.

        A refusal is part of the answer, with its reason; Declined is never raised.
        """
        request = expressed(
            "",
            lambda: name_target(
                messages.PreviewReverseRequest(
                    reason=gift_card_service_pb2.ReverseReason.Value(f"REVERSE_REASON_{reason}"),
                    refund_amount=money_message(refund_amount),
                    delivered_on=date_message(delivered_on),
                    before_delivery=before_delivery,
                    exercised_on=date_message(exercised_on),
                    beneficiary=contact_message(beneficiary) if beneficiary else None,
                ),
                authorization_id,
                authorize_request_id,
            ),
        )
        answer, _ = self._call(
            self._authorizations_stub.PreviewReverse, request, "", timeout_seconds
        )
        return read_preview(answer)


def _page(market: str, order_id: str, token: str) -> messages.ListAuthorizationsRequest:
    return expressed(
        "",
        lambda: messages.ListAuthorizationsRequest(
            market=market, order_id=order_id, page_size=PAGE_SIZE, page_token=token
        ),
    )
