"""The calls of the support service: what Customer Service sees of cards, and does to them."""

from collections.abc import Iterator
from datetime import date
from functools import cached_property, partial
from typing import Any
from uuid import UUID

from giftcard.v1 import support_service_pb2 as messages
from giftcard.v1.support_service_pb2_grpc import SupportServiceStub
from giftcard_client.connection import Connection
from giftcard_client.results import GiftCard
from giftcard_client.support_results import (
    ActedBy,
    CardActedOn,
    CardResent,
    Proposal,
    ProposalClosed,
    PurchaseCancelled,
    ShownCard,
    TimelineEntry,
)
from giftcard_client.wire_answers import read_card
from giftcard_client.wire_requests import date_message, expressed, given_or_new
from giftcard_client.wire_support import (
    read_acted_on,
    read_closed,
    read_entry,
    read_proposal,
    read_purchase_cancelled,
    read_resent,
    read_shown_card,
)

# The largest page that the service answers.
PAGE_SIZE = 100


class Support(Connection):
    """A client of the support service at `target`, for Customer Service.

        with Support("127.0.0.1:50051") as support:
            by = ActedBy("anna", Ground.FRAUD, "reported by the bank")
            support.block(card_id, by=by)

    Every act says who acts and why, which the card's timeline keeps. An act under four eyes
    answers a `proposal_id`, and is done once somebody else approves it. What `GiftCards` says
    of request ids, deadlines, tries and errors holds here as well.
    """

    @cached_property
    def _support_stub(self) -> SupportServiceStub:
        return SupportServiceStub(self._channel)

    def find(
        self,
        *,
        code: str | None = None,
        card_id: str | None = None,
        purchase_order_id: str | None = None,
        order_id: str | None = None,
        payment_reference: str | None = None,
        email: str | None = None,
        market: str = "",
        timeout_seconds: float | None = None,
    ) -> Iterator[GiftCard]:
        """Yield the cards that one key names exactly, oldest first; no market: of each.

        The key is one of them, else TypeError. `order_id` is an order that a card was set aside
        for, and `email` the address of any person of a card. A code that is unknown finds
        nothing, and counts as a guess.

        Reasons: TOO_MANY_ATTEMPTS, for a code.
        """
        keys = {
            "code": code,
            "card_id": card_id,
            "purchase_order_id": purchase_order_id,
            "order_id": order_id,
            "payment_reference": payment_reference,
            "email": email,
        }
        key = {name: value for name, value in keys.items() if value is not None}
        if len(key) != 1:
            named_how = f"name the cards by one of {', '.join(keys)}"
            raise TypeError(named_how)
        fields: dict[str, Any] = {**key, "market": market}
        answers = self._pages("FindCards", fields, timeout_seconds)
        for page in answers:
            yield from map(read_card, page.cards)

    def card(
        self,
        card_id: str,
        *,
        opened_by: ActedBy | None = None,
        timeout_seconds: float | None = None,
    ) -> ShownCard:
        """Look at a card and what belongs to it; changes nothing.

        With `opened_by` its people are shown, too, and the timeline notes who has read them.

        Reasons: CARD_NOT_FOUND.
        """
        request = expressed(
            "",
            lambda: messages.GetCardRequest(
                card_id=card_id,
                open_people=opened_by is not None,
                **(_acting(opened_by) if opened_by else {}),
            ),
        )
        answer, _ = self._call(self._support_stub.GetCard, request, "", timeout_seconds)
        return read_shown_card(answer)

    def timeline(
        self, card_id: str, *, timeout_seconds: float | None = None
    ) -> Iterator[TimelineEntry]:
        """Yield everything that happened to a card and around it, oldest first.

        Reasons: CARD_NOT_FOUND.
        """
        fields = {"card_id": card_id}
        answers = self._pages("ListTimeline", fields, timeout_seconds)
        for page in answers:
            yield from map(read_entry, page.entries)

    def block(
        self,
        card_id: str,
        *,
        by: ActedBy,
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> CardActedOn:
        """Let a card pay for nothing (R37); its replacements are named, and need their own acts.

        Reasons: REQUEST_ID_REUSED, CARD_NOT_FOUND.
        """
        fields = {"card_id": card_id, **_acting(by)}
        answer, replayed = self._act("BlockCard", fields, request_id, timeout_seconds)
        return read_acted_on(answer, replayed=replayed)

    def unblock(
        self,
        card_id: str,
        *,
        by: ActedBy,
        restore_validity: bool = False,
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> CardActedOn:
        """Lift a block and, if told to, give back the days that it took from the validity (R37).

        Reasons: REQUEST_ID_REUSED, CARD_NOT_FOUND, CARD_NOT_BLOCKED.
        """
        fields = {"card_id": card_id, "restore_validity": restore_validity, **_acting(by)}
        answer, replayed = self._act("UnblockCard", fields, request_id, timeout_seconds)
        return read_acted_on(answer, replayed=replayed)

    def write_off(
        self,
        card_id: str,
        *,
        by: ActedBy,
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> CardActedOn:
        """Write off a blocked card whose purchase was charged back (R37).

        Reasons: REQUEST_ID_REUSED, CARD_NOT_FOUND, CARD_CANCELLED, CARD_REDEEMED,
        CARD_EXPIRED, CARD_NOT_BLOCKED.
        """
        fields = {"card_id": card_id, **_acting(by)}
        answer, replayed = self._act("WriteOffCard", fields, request_id, timeout_seconds)
        return read_acted_on(answer, replayed=replayed)

    def resend(
        self,
        card_id: str,
        *,
        by: ActedBy,
        corrected_email: str = "",
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> CardResent:
        """Send the e-mail with the code again, to the known address or to a corrected one (R8).

        Reasons: REQUEST_ID_REUSED, CARD_NOT_FOUND, CARD_BLOCKED, CARD_CANCELLED,
        CARD_REDEEMED, CARD_EXPIRED, RESEND_LIMIT, PERSON_ERASED, PERSON_RESTRICTED.
        """
        fields = {"card_id": card_id, "corrected_email": corrected_email, **_acting(by)}
        answer, replayed = self._act("ResendCard", fields, request_id, timeout_seconds)
        return read_resent(answer, replayed=replayed)

    def cancel_purchase(
        self,
        *,
        market: str,
        purchase_order_id: str,
        purchaser_email: str,
        by: ActedBy,
        exercised_on: date | None = None,
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> PurchaseCancelled:
        """Cancel a purchase for its buyer, who has no code but their own address (R28).

        Reasons: those of `GiftCards.cancel`; a wrong address is CARD_NOT_FOUND.
        """
        fields = {
            "market": market,
            "purchase_order_id": purchase_order_id,
            "purchaser_email": purchaser_email,
            "exercised_on": date_message(exercised_on),
            **_acting(by),
        }
        answer, replayed = self._act("CancelPurchase", fields, request_id, timeout_seconds)
        return read_purchase_cancelled(answer, replayed=replayed)

    def proposals(
        self, card_id: str = "", *, timeout_seconds: float | None = None
    ) -> Iterator[Proposal]:
        """Yield what waits for somebody else's approval or, with a card, all that it ever had."""
        fields = {"card_id": card_id}
        answers = self._pages("ListProposals", fields, timeout_seconds)
        for page in answers:
            yield from map(read_proposal, page.proposals)

    def approve(
        self,
        proposal_id: str,
        *,
        by: ActedBy,
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> ProposalClosed:
        """Carry out what somebody else has proposed; its state says whether the rules allowed it.

        Reasons: REQUEST_ID_REUSED, PROPOSAL_NOT_FOUND, PROPOSAL_CLOSED, PROPOSAL_LAPSED,
        SAME_ACTOR.
        """
        fields = {"proposal_id": proposal_id, **_acting(by)}
        answer, replayed = self._act("ApproveProposal", fields, request_id, timeout_seconds)
        return read_closed(answer, replayed=replayed)

    def reject(
        self,
        proposal_id: str,
        *,
        by: ActedBy,
        request_id: str | UUID | None = None,
        timeout_seconds: float | None = None,
    ) -> ProposalClosed:
        """Close a proposal without carrying it out.

        Reasons: REQUEST_ID_REUSED, PROPOSAL_NOT_FOUND, PROPOSAL_CLOSED, PROPOSAL_LAPSED.
        """
        fields = {"proposal_id": proposal_id, **_acting(by)}
        answer, replayed = self._act("RejectProposal", fields, request_id, timeout_seconds)
        return read_closed(answer, replayed=replayed)

    def _act(
        self,
        rpc: str,
        fields: dict[str, Any],
        request_id: str | UUID | None,
        timeout_seconds: float | None,
    ) -> tuple[Any, bool]:
        sent_id = given_or_new(request_id)
        kind = getattr(messages, f"{rpc}Request")
        request = expressed(sent_id, lambda: kind(request_id=sent_id, **fields))
        return self._call(getattr(self._support_stub, rpc), request, sent_id, timeout_seconds)

    def _pages(
        self, rpc: str, fields: dict[str, Any], timeout_seconds: float | None
    ) -> Iterator[Any]:
        """Yield the pages of a list; each is a call of its own, made when it is needed."""
        kind, token = getattr(messages, f"{rpc}Request"), ""
        while True:
            asked = {**fields, "page_size": PAGE_SIZE, "page_token": token}
            request = expressed("", partial(kind, **asked))
            page, _ = self._call(getattr(self._support_stub, rpc), request, "", timeout_seconds)
            yield page
            token = page.next_page_token
            if not token:
                return


def _acting(by: ActedBy) -> dict[str, Any]:
    """Return the fields that say who acts, and why."""
    ground = messages.Ground.Value(f"GROUND_{by.ground.value}")
    return {"actor": by.actor, "ground": ground, "note": by.note}
