"""The RPCs about refunds that the payment provider owes: which they are, and that it has paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from giftcard.v1 import refund_service_pb2 as pb
from giftcard.v1 import refund_service_pb2_grpc as pb_grpc
from giftcard_server.deciding.batched import Batched
from giftcard_server.edge import refund_messages
from giftcard_server.edge.answering import gone, granted, refusing, submission_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import grpc

    from giftcard_rules.current import Markets
    from giftcard_server.callers.callers import Caller
    from giftcard_server.deciding.committer import Committer
    from giftcard_server.deciding.refunds_reader import RefundsReader
    from giftcard_server.logs import Summarized
    from giftcard_server.metrics import DomainMetrics
    from giftcard_server.process.waits import Steps

SERVICE: Final = pb.DESCRIPTOR.services_by_name["RefundService"].full_name


class RefundServicer(pb_grpc.RefundServiceServicer):
    """Answers `giftcard.v1.RefundService`."""

    def __init__(
        self,
        markets: Markets,
        committer: Committer,
        refunds: RefundsReader,
        metrics: DomainMetrics,
        caller_of: Callable[[grpc.ServicerContext], Caller],
        undecided: Summarized,
    ) -> None:
        self._markets = markets
        self._committer = committer
        self._refunds = refunds
        self._metrics = metrics
        self._caller_of = caller_of
        self.undecided = undecided

    @refusing
    def ListRefundsDue(
        self, request: pb.ListRefundsDueRequest, context: grpc.ServicerContext
    ) -> Steps[pb.ListRefundsDueResponse]:
        """Show what nobody has confirmed yet, longest due first, a page at a time."""
        query = refund_messages.query(request, self._markets)
        found = yield Batched(self._refunds.batcher, query, gone(context))
        self._metrics.answered("ListRefundsDue", None)
        return refund_messages.page(query, found)

    @refusing
    def ConfirmRefund(
        self, request: pb.ConfirmRefundRequest, context: grpc.ServicerContext
    ) -> Steps[bytes]:
        """Note that the payment provider has paid a refund, or a part of it."""
        caller = self._caller_of(context)
        submission = submission_of(refund_messages.confirmation(request, caller.name), caller)
        answer = yield from self._committer.decided(submission, gone(context))
        return granted(answer, context).encoded
