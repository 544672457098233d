"""The client: the six calls of the gift card service, and those of the services beside it."""

from datetime import date, timedelta
from uuid import UUID

import grpc

from giftcard.v1 import gift_card_service_pb2 as messages
from giftcard.v1.gift_card_service_pb2_grpc import GiftCardServiceStub
from giftcard_client import wire_answers as answers
from giftcard_client.argument_types import checked
from giftcard_client.authorization_calls import AuthorizationCalls
from giftcard_client.connection import DEFAULT_TIMEOUT_SECONDS
from giftcard_client.results import Authorized, Cancelled, Captured, Issued, Reversed, Validation
from giftcard_client.terms_calls import TermsCalls
from giftcard_client.values import Contact, Money, Order, Purchase
from giftcard_client.vocabulary import ReverseReason
from giftcard_client.wire_requests import (
    contact_message,
    date_message,
    duration_message,
    expressed,
    given_or_new,
    money_message,
    name_target,
    order_message,
    purchase_message,
)


class GiftCards(AuthorizationCalls, TermsCalls):
    """A client of the service at `target`. Make one for each process and share it between threads.

        with GiftCards("127.0.0.1:50051") as cards:
            issued = cards.issue(market="fr", amount=Money(5000), ...)

    Every call that changes something does so at most once: all its tries carry
    one `request_id`, a UUID. The client makes one before the first try unless you
    pass your own, and every exception carries it. Pass your own, and store it
    beforehand, where your process may die between the call and its answer: the
    same id with the same arguments gets the first answer again.

    `timeout_seconds` is the deadline for all tries of a call together. What is retried:
    `giftcard_client.tries`; what is raised: `giftcard_client.errors`. The reasons of
    each call are those of `Declined`; all but `validate` have REQUEST_ID_REUSED too.

    A process that forks must open its client after the fork.
    """

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        """Prepare the connection, which opens on the first call; `credentials` encrypt it."""
        super().__init__(target, credentials=credentials, timeout_seconds=timeout_seconds)
        self._stub = GiftCardServiceStub(self._channel)

    @checked
    def issue(  # noqa: PLR0913 - the fields of the contract, all by name
        self,
        *,
        market: str,
        amount: Money,
        purchase: Purchase,
        purchaser: Contact,
        recipient: Contact | None = None,
        design: str = "",
        message: str = "",
        deliver_on: date | None = None,
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> Issued:
        """Make a card for a purchase that was paid by bank card (R3), usable at once (R6).

        The card goes to `recipient`, or to the purchaser where there is none (R8).
        `design` is one of the market's, or empty for its first (R4); `message`
        is plain text of at most 500 characters (R5). A service that mails cards does
        so on the morning of `deliver_on` in the market, at most a year ahead and not
        after the card's last day; None: at once.

        Reasons: CURRENCY_MISMATCH, PURCHASE_HAS_ANOTHER_CARD (R10),
        PAYMENT_METHOD_NOT_ACCEPTED, PURCHASE_HAS_DISCOUNT (R3),
        AMOUNT_OUT_OF_RANGE (R2).
        """
        sent_id = given_or_new(request_id)
        request = expressed(
            sent_id,
            lambda: messages.IssueRequest(
                request_id=sent_id,
                market=market,
                amount=money_message(amount),
                purchase=purchase_message(purchase),
                design=design,
                message=message,
                purchaser=contact_message(purchaser),
                recipient=contact_message(recipient) if recipient else None,
                deliver_on=date_message(deliver_on),
            ),
        )
        answer, replayed = self._call(self._stub.Issue, request, sent_id, timeout_seconds)
        return answers.read_issued(answer, replayed=replayed)

    @checked
    def validate(
        self,
        code: str,
        *,
        market: str,
        order: Order | None = None,
        attempt_key: str = "",
        timeout_seconds: float | None = None,
    ) -> Validation:
        """Ask what `authorize` would answer now; changes nothing.

        `code` is as the shopper typed it (R11); wrong codes are throttled by
        `attempt_key`, the shopper's session. A refusal is part of the answer,
        with its reason; Declined is never raised. Without `order` the answer says
        what is on the card, and whether some order could use it now.
        """
        request = expressed(
            "",
            lambda: messages.ValidateRequest(
                code=code,
                market=market,
                order=order_message(order) if order else None,
                attempt_key=attempt_key,
            ),
        )
        answer, _ = self._call(self._stub.Validate, request, "", timeout_seconds)
        return answers.read_validation(answer, order.total if order else None)

    @checked
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

        `customer` gets the new card if money comes back (R23). `hold_for` None is the
        market's default, and its longest counts from the first authorize for the same
        order; a later one replaces it (R35).

        Reasons: those of `validate`, and REQUEST_PREVENTED (R36).
        """
        sent_id = given_or_new(request_id)
        request = expressed(
            sent_id,
            lambda: messages.AuthorizeRequest(
                request_id=sent_id,
                code=code,
                market=market,
                order=order_message(order),
                customer=contact_message(customer),
                hold_for=None if hold_for is None else duration_message(hold_for),
                attempt_key=attempt_key,
            ),
        )
        answer, replayed = self._call(self._stub.Authorize, request, sent_id, timeout_seconds)
        return answers.read_authorized(answer, replayed=replayed)

    @checked
    def capture(
        self,
        authorization_id: str,
        amount: Money | None = None,
        request_id: str | UUID | None = None,
        *,
        other_tender_amount: Money | None = None,
        timeout_seconds: float | None = None,
    ) -> Captured:
        """Take the money that was set aside, all of it or `amount` (more than zero).

        What the order did not need is lost (R14); what was set aside and not taken comes
        back as a new card (R27). Other tenders took `other_tender_amount`, or all due.

        Reasons: AUTHORIZATION_NOT_FOUND, CURRENCY_MISMATCH, CARD_BLOCKED (R37),
        AUTHORIZATION_CAPTURED, _RELEASED, _LAPSED (R34), AMOUNT_EXCEEDS_AUTHORIZED.
        """
        sent_id = given_or_new(request_id)
        request = expressed(
            sent_id,
            lambda: messages.CaptureRequest(
                request_id=sent_id,
                authorization_id=authorization_id,
                amount=money_message(amount),
                other_tender_amount=money_message(other_tender_amount),
            ),
        )
        answer, replayed = self._call(self._stub.Capture, request, sent_id, timeout_seconds)
        return answers.read_captured(answer, replayed=replayed)

    @checked
    def reverse(  # noqa: PLR0913 - the fields of the contract, all by name
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
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> Reversed:
        """Undo an Authorize, in any state.

        It is named by its `authorization_id` or, where its answer was lost, by its
        `authorize_request_id` (R36): exactly one of them, else TypeError. More than
        zero of the whole order, all tenders (R24), is the `refund_amount`; None: all
        that is left, the only choice for an open hold. A change of mind needs
        `delivered_on` or `before_delivery`; the customer declared it `exercised_on` that
        day, or today (R21). `beneficiary` gets the new card.

        Reasons: AUTHORIZATION_NOT_FOUND, CURRENCY_MISMATCH, AUTHORIZATION_RELEASED,
        AUTHORIZATION_LAPSED, AUTHORIZATION_NOT_CAPTURED, AMOUNT_EXCEEDS_REFUNDABLE,
        EXERCISE_DAY_OUT_OF_RANGE, RETURN_WINDOW_CLOSED (R21).
        """
        sent_id = given_or_new(request_id)
        request = expressed(
            sent_id,
            lambda: name_target(
                messages.ReverseRequest(
                    request_id=sent_id,
                    reason=messages.ReverseReason.Value(f"REVERSE_REASON_{reason}"),
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
        answer, replayed = self._call(self._stub.Reverse, request, sent_id, timeout_seconds)
        return answers.read_reversed(answer, replayed=replayed)

    @checked
    def cancel(
        self,
        code: str,
        *,
        purchase_order_id: str,
        exercised_on: date | None = None,
        actor: str = "",
        note: str = "",
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> Cancelled:
        """Cancel the purchase of a card that is wholly unused (R25).

        `purchase_order_id` must be the card's (R28). The day that counts is
        `exercised_on`, on which the buyer declared it; None: today. The caller has
        the payment provider pay back what the answer says (R29). `actor`, who sits
        at the desk, and `note` go into the card's timeline.

        Reasons: TOO_MANY_ATTEMPTS, CARD_NOT_FOUND (also for a wrong order
        number), CARD_BLOCKED, CARD_CANCELLED, CARD_REDEEMED, CARD_EXPIRED,
        CARD_HELD, EXERCISE_DAY_OUT_OF_RANGE, CANCELLATION_WINDOW_CLOSED,
        NOT_A_PURCHASED_CARD.
        """
        sent_id = given_or_new(request_id)
        request = expressed(
            sent_id,
            lambda: messages.CancelRequest(
                request_id=sent_id,
                code=code,
                purchase_order_id=purchase_order_id,
                exercised_on=date_message(exercised_on),
                actor=actor,
                note=note,
            ),
        )
        answer, replayed = self._call(self._stub.Cancel, request, sent_id, timeout_seconds)
        return answers.read_cancelled(answer, replayed=replayed)
