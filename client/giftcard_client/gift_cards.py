"""The six calls of the gift card service, with plain values in and out."""

from datetime import date, timedelta
from typing import Self, TypeVar
from uuid import UUID, uuid4

import grpc
from google.protobuf.message import Message

from giftcard.v1 import gift_card_service_pb2 as messages
from giftcard.v1.gift_card_service_pb2_grpc import GiftCardServiceStub
from giftcard_client import wire_answers as answers
from giftcard_client.channel import open_channel
from giftcard_client.results import Authorized, Cancelled, Captured, Issued, Reversed, Validation
from giftcard_client.rpc_errors import as_gift_card_error
from giftcard_client.values import Contact, Money, Order, Purchase
from giftcard_client.vocabulary import ReverseReason
from giftcard_client.wire_requests import (
    contact_message,
    date_message,
    duration_message,
    expressed,
    money_message,
    name_target,
    order_message,
    purchase_message,
)

Request = TypeVar("Request", bound=Message)
Answer = TypeVar("Answer", bound=Message)

DEFAULT_TIMEOUT_SECONDS = 5.0
REPLAYED = ("giftcard-replayed", "true")


class GiftCards:
    """A client of the service at `target`. Make one for each process and share it between threads.

        with GiftCards("127.0.0.1:50051") as cards:
            issued = cards.issue(market="fr", amount=Money(5000), ...)

    Every call but `validate` changes something at most once: it is made under a
    `request_id`, a UUID, that is kept over all tries. Without one from you it
    is made before the first try, and every exception carries it. Pass your own,
    written down beforehand, where your process may die between the call and its
    answer: the same id with the same arguments gets the first answer again.

    `timeout_seconds` is the deadline for all tries of a call together; the one
    given here is every call's default. Which failures are tried again, and why:
    `giftcard_client.channel`. What is raised: `giftcard_client.errors`; the
    reasons that each call names are those of `Declined`, to which
    REQUEST_ID_REUSED comes for all but `validate`.

    Processes that fork open their client after the fork.
    """

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        """Connect on the first call, encrypted where there are `credentials`."""
        self._channel = open_channel(target, credentials)
        self._stub = GiftCardServiceStub(self._channel)
        self._timeout_seconds = timeout_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection. Calls that are under way raise OutcomeUnknown."""
        self._channel.close()

    def issue(  # noqa: PLR0913 - as many as the contract has, all by name
        self,
        *,
        market: str,
        amount: Money,
        purchase: Purchase,
        purchaser: Contact,
        recipient: Contact | None = None,
        design: str = "",
        message: str = "",
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> Issued:
        """Make a card for a purchase that was paid by bank card (R3), usable at once (R6).

        The card goes to `recipient`, or to the purchaser where there is none (R8).
        `design` is one of the market's, or empty for its first (R4); `message`
        is plain text of at most 500 characters (R5).

        Reasons: CURRENCY_MISMATCH, PURCHASE_HAS_ANOTHER_CARD (R10),
        PAYMENT_METHOD_NOT_ACCEPTED, PURCHASE_HAS_DISCOUNT (R3),
        AMOUNT_OUT_OF_RANGE (R2).
        """
        made_under = _made_under(request_id)
        request = expressed(
            made_under,
            lambda: messages.IssueRequest(
                request_id=made_under,
                market=market,
                amount=money_message(amount),
                purchase=purchase_message(purchase),
                design=design,
                message=message,
                purchaser=contact_message(purchaser),
                recipient=contact_message(recipient) if recipient else None,
            ),
        )
        answer, replayed = self._call(self._stub.Issue, request, made_under, timeout_seconds)
        return answers.read_issued(answer, replayed=replayed)

    def validate(
        self,
        code: str,
        *,
        market: str,
        order: Order,
        attempt_key: str = "",
        timeout_seconds: float | None = None,
    ) -> Validation:
        """Ask what `authorize` would answer now; changes nothing.

        `code` is as the shopper typed it (R11), `attempt_key` whom to throttle:
        the shopper's session. A no is in the answer, with its reason; Declined
        is never raised.
        """
        request = expressed(
            "",
            lambda: messages.ValidateRequest(
                code=code, market=market, order=order_message(order), attempt_key=attempt_key
            ),
        )
        answer, _ = self._call(self._stub.Validate, request, "", timeout_seconds)
        return answers.read_validation(answer, order.total)

    def authorize(
        self,
        code: str,
        *,
        market: str,
        order: Order,
        customer: Contact,
        hold_for: timedelta | None = None,
        attempt_key: str = "",
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> Authorized:
        """Set money aside on the card for one order, as much as the card can pay of it (R16).

        `customer` gets the new card should money come back (R23). `hold_for`
        None is the market's default, and no hold outlasts the market's longest.
        A second one for the same order replaces the first (R35).

        Reasons: those of `validate`, and REQUEST_PREVENTED (R36).
        """
        made_under = _made_under(request_id)
        request = expressed(
            made_under,
            lambda: messages.AuthorizeRequest(
                request_id=made_under,
                code=code,
                market=market,
                order=order_message(order),
                customer=contact_message(customer),
                hold_for=None if hold_for is None else duration_message(hold_for),
                attempt_key=attempt_key,
            ),
        )
        answer, replayed = self._call(self._stub.Authorize, request, made_under, timeout_seconds)
        return answers.read_authorized(answer, replayed=replayed)

    def capture(
        self,
        authorization_id: str,
        amount: Money | None = None,
        request_id: str | UUID | None = None,
        *,
        timeout_seconds: float | None = None,
    ) -> Captured:
        """Take the money that was set aside, all of it or `amount` (more than zero).

        What the order did not need of the card is lost (R14); what was set
        aside and is not taken comes back as a new card (R27).

        Reasons: AUTHORIZATION_NOT_FOUND, CURRENCY_MISMATCH, CARD_BLOCKED (R37),
        AUTHORIZATION_CAPTURED, AUTHORIZATION_RELEASED, AUTHORIZATION_LAPSED
        (R34), AMOUNT_EXCEEDS_AUTHORIZED.
        """
        made_under = _made_under(request_id)
        request = expressed(
            made_under,
            lambda: messages.CaptureRequest(
                request_id=made_under,
                authorization_id=authorization_id,
                amount=None if amount is None else money_message(amount),
            ),
        )
        answer, replayed = self._call(self._stub.Capture, request, made_under, timeout_seconds)
        return answers.read_captured(answer, replayed=replayed)

    def reverse(
        self,
        authorization_id: str | None = None,
        *,
        reason: ReverseReason,
        authorize_request_id: str | UUID | None = None,
        refund_amount: Money | None = None,
        delivered_on: date | None = None,
        beneficiary: Contact | None = None,
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> Reversed:
        """Undo an Authorize, whatever became of it.

        Named by its `authorization_id`, or, where its answer was lost, by the
        `authorize_request_id` it was sent with (R36): exactly one of them, else
        TypeError. `refund_amount` is of the whole order, all tenders (R24), more
        than zero; None is all that is left. It is of no effect on an open hold,
        which is always released whole. `delivered_on` is needed for a change of
        mind (R21). `beneficiary` gets the new card instead of the customer.

        Reasons: AUTHORIZATION_NOT_FOUND, CURRENCY_MISMATCH,
        AUTHORIZATION_RELEASED, AUTHORIZATION_LAPSED, AMOUNT_EXCEEDS_REFUNDABLE
        (R24), RETURN_WINDOW_CLOSED (R21).
        """
        made_under = _made_under(request_id)
        request = expressed(
            made_under,
            lambda: name_target(
                messages.ReverseRequest(
                    request_id=made_under,
                    reason=messages.ReverseReason.Value(f"REVERSE_REASON_{reason}"),
                    refund_amount=None if refund_amount is None else money_message(refund_amount),
                    delivered_on=None if delivered_on is None else date_message(delivered_on),
                    beneficiary=contact_message(beneficiary) if beneficiary else None,
                ),
                authorization_id,
                authorize_request_id,
            ),
        )
        answer, replayed = self._call(self._stub.Reverse, request, made_under, timeout_seconds)
        return answers.read_reversed(answer, replayed=replayed)

    def cancel(
        self,
        code: str,
        *,
        purchase_order_id: str,
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> Cancelled:
        """Cancel the purchase of a card that is wholly unused (R25).

        `purchase_order_id` must be the card's (R28). The answer tells what the
        payment provider shall pay back, which is yours to carry out (R29).

        Reasons: TOO_MANY_ATTEMPTS, CARD_NOT_FOUND (also for a wrong order
        number), CARD_BLOCKED, CARD_CANCELLED, CARD_REDEEMED, CARD_EXPIRED,
        CARD_HELD, CANCELLATION_WINDOW_CLOSED, NOT_A_PURCHASED_CARD.
        """
        made_under = _made_under(request_id)
        request = expressed(
            made_under,
            lambda: messages.CancelRequest(
                request_id=made_under, code=code, purchase_order_id=purchase_order_id
            ),
        )
        answer, replayed = self._call(self._stub.Cancel, request, made_under, timeout_seconds)
        return answers.read_cancelled(answer, replayed=replayed)

    def _call(
        self,
        method: "grpc.UnaryUnaryMultiCallable[Request, Answer]",
        request: Request,
        request_id: str,
        timeout_seconds: float | None,
    ) -> tuple[Answer, bool]:
        deadline = self._timeout_seconds if timeout_seconds is None else timeout_seconds
        try:
            answer, call = method.with_call(request, timeout=deadline)
        except grpc.RpcError as error:
            raise as_gift_card_error(error, request_id) from error
        return answer, REPLAYED in {(key, value) for key, value in call.trailing_metadata() or ()}


def _made_under(request_id: str | UUID | None) -> str:
    # None alone asks for a new one. An empty text is a caller's mistake, and a
    # new id in its place would do the same thing twice on the second try.
    return str(uuid4() if request_id is None else request_id)
