"""The calls of the refund service: what the payment provider owes, and that it has paid."""

from collections.abc import Iterator
from functools import cached_property
from uuid import UUID

from giftcard.v1 import refund_service_pb2
from giftcard.v1.refund_service_pb2_grpc import RefundServiceStub
from giftcard_client.argument_types import checked
from giftcard_client.connection import Connection
from giftcard_client.refund_results import RefundConfirmed, RefundDue, read_refund_due
from giftcard_client.values import Money
from giftcard_client.wire_requests import expressed, given_or_new, money_message

# The largest page that the service answers.
PAGE_SIZE = 100


class Refunds(Connection):
    """A client of the refund service at `target`, for who looks after refunds.

        with Refunds("127.0.0.1:50051") as refunds:
            for due in refunds.due("fr"):
                ...

    The service owes the refunds of cancelled purchases (R29), and the parts of refunds that
    go to an order's other tenders (R24); a payment provider pays them. What `GiftCards` says
    of request ids, deadlines, tries and errors holds here as well.
    """

    @cached_property
    def _refund_stub(self) -> RefundServiceStub:
        return RefundServiceStub(self._channel)

    @checked
    def due(
        self, market: str, *, page_size: int = PAGE_SIZE, timeout_seconds: float | None = None
    ) -> Iterator[RefundDue]:
        """Yield what nobody has confirmed yet, longest due first; changes nothing.

        Each page is a call of its own, made when it is needed, so what is confirmed
        meanwhile is not seen twice. A market that the service does not have is
        InvalidRequest.
        """
        token = ""
        while True:
            page = self._page(market, page_size, token, timeout_seconds)
            yield from map(read_refund_due, page.refunds_due)
            token = page.next_page_token
            if not token:
                return

    @checked
    def confirm(
        self,
        *,
        card_id: str | None = None,
        authorization_id: str | None = None,
        amount: Money,
        provider_reference: str,
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> RefundConfirmed:
        """Note that the payment provider has paid a refund, or a part of it.

        A cancelled purchase is named by its `card_id`, the part of an order's other tenders
        by the `authorization_id`: exactly one of them, else TypeError. `provider_reference`
        is the payment provider's own, of at most 255 characters.

        Reasons: REQUEST_ID_REUSED, CARD_NOT_FOUND, AUTHORIZATION_NOT_FOUND,
        CURRENCY_MISMATCH, REFUND_NOT_DUE (`facts` have the `due_amount_minor`).
        """
        sent_id = given_or_new(request_id)
        request = expressed(
            sent_id,
            lambda: _named(
                refund_service_pb2.ConfirmRefundRequest(
                    request_id=sent_id,
                    amount=money_message(amount),
                    provider_reference=provider_reference,
                ),
                card_id,
                authorization_id,
            ),
        )
        answer, replayed = self._call(
            self._refund_stub.ConfirmRefund, request, sent_id, timeout_seconds
        )
        return RefundConfirmed(read_refund_due(answer.refund_due), replayed)

    def _page(
        self, market: str, page_size: int, token: str, timeout_seconds: float | None
    ) -> refund_service_pb2.ListRefundsDueResponse:
        request = expressed(
            "",
            lambda: refund_service_pb2.ListRefundsDueRequest(
                market=market, page_size=page_size, page_token=token
            ),
        )
        answer, _ = self._call(self._refund_stub.ListRefundsDue, request, "", timeout_seconds)
        return answer


def _named(
    request: refund_service_pb2.ConfirmRefundRequest,
    card_id: str | None,
    authorization_id: str | None,
) -> refund_service_pb2.ConfirmRefundRequest:
    """Set the refund that a request names; raises TypeError unless exactly one id is given."""
    match card_id, authorization_id:
        case str(), None:
            request.card_id = card_id
        case None, str():
            request.authorization_id = authorization_id
        case _:
            named_how = "name either card_id or authorization_id"
            raise TypeError(named_how)
    return request
