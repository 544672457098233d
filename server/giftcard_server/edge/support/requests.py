"""Requests of Customer Service as commands: who acts, on what, and under four eyes or at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from giftcard_rules import codes
from giftcard_rules.act_commands import (
    ActOnCard,
    ApproveProposal,
    CancelPurchase,
    RejectProposal,
    ResendCard,
)
from giftcard_rules.acts import holds_code
from giftcard_rules.commands import BlockCard, RequestKey, UnblockCard, WriteOffCard
from giftcard_server.edge.acting import NO_CODE, acted_by
from giftcard_server.edge.canonical import Read, read
from giftcard_server.edge.days import exercised_on
from giftcard_server.edge.fields import EMAIL_CHARACTERS, Fields

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from giftcard.v1 import support_service_pb2 as pb
    from giftcard_rules.commands import DeskAct

    ActRequest = (
        pb.BlockCardRequest | pb.UnblockCardRequest | pb.WriteOffCardRequest | pb.ResendCardRequest
    )


@dataclass(frozen=True, slots=True)
class ActReader:
    """Turns requests to act into commands; `four_eyes` names the RPCs that only propose.

    Every method raises `InvalidRequestError` with all violations. `caller` sent the message.
    """

    ring: codes.KeyRing
    four_eyes: Collection[str]

    def block(self, message: pb.BlockCardRequest, caller: str) -> Read[ActOnCard]:
        """Read a BlockCardRequest."""
        return self._act(message, caller, BlockCard)

    def unblock(self, message: pb.UnblockCardRequest, caller: str) -> Read[ActOnCard]:
        """Read an UnblockCardRequest."""
        return self._act(message, caller, lambda id_: UnblockCard(id_, message.restore_validity))

    def write_off(self, message: pb.WriteOffCardRequest, caller: str) -> Read[ActOnCard]:
        """Read a WriteOffCardRequest."""
        return self._act(message, caller, WriteOffCard)

    def resend(self, message: pb.ResendCardRequest, caller: str) -> Read[ActOnCard]:
        """Read a ResendCardRequest; whether anybody can be written to, is still to be found out."""
        fields = Fields()
        email = message.corrected_email
        if email:
            fields.email(email, "corrected_email")
            if holds_code(email[:EMAIL_CHARACTERS]):
                fields.wrong("corrected_email", NO_CODE)
        act = self._act(message, caller, lambda id_: ResendCard(id_, email), fields)
        return act if email else replace(act, command=replace(act.command, is_proposed=False))

    def cancel_purchase(
        self,
        message: pb.CancelPurchaseRequest,
        caller: str,
        now: datetime,
    ) -> Read[CancelPurchase]:
        """Read a CancelPurchaseRequest; which card it is, is still to be found out."""
        fields = Fields()
        request_id = fields.request_id(message.request_id)
        market = fields.market(message.market)
        purchase_order_id = fields.text(message.purchase_order_id, "purchase_order_id")
        email = fields.text(message.purchaser_email, "purchaser_email", EMAIL_CHARACTERS)
        exercised = exercised_on(fields, message, now)
        by = acted_by(fields, message)
        fields.require_valid()
        command = CancelPurchase(
            key=RequestKey(caller, request_id),
            card_id=None,
            market=market,
            purchase_order_id=purchase_order_id,
            purchaser_email=email,
            exercised_on=exercised,
            by=by,
            act_id=self._act_id(caller, request_id),
        )
        return read(command, message, fields)

    def approve(
        self,
        message: pb.ApproveProposalRequest,
        caller: str,
    ) -> Read[ApproveProposal]:
        """Read an ApproveProposalRequest; what was proposed is still to be read."""
        fields = Fields()
        request_id = fields.request_id(message.request_id)
        proposal_id = fields.own_id(message.proposal_id, "proposal_id")
        by = acted_by(fields, message)
        fields.require_valid()
        command = ApproveProposal(
            key=RequestKey(caller, request_id),
            proposal_id=proposal_id,
            act=None,
            by=by,
            act_id=self._act_id(caller, request_id),
        )
        return read(command, message, fields)

    def reject(self, message: pb.RejectProposalRequest, caller: str) -> Read[RejectProposal]:
        """Read a RejectProposalRequest."""
        fields = Fields()
        request_id = fields.request_id(message.request_id)
        proposal_id = fields.own_id(message.proposal_id, "proposal_id")
        by = acted_by(fields, message)
        fields.require_valid()
        command = RejectProposal(
            key=RequestKey(caller, request_id),
            proposal_id=proposal_id,
            by=by,
            act_id=self._act_id(caller, request_id),
        )
        return read(command, message, fields)

    def _act(
        self,
        message: ActRequest,
        caller: str,
        act_on: Callable[[str], DeskAct | ResendCard],
        fields: Fields | None = None,
    ) -> Read[ActOnCard]:
        fields = fields or Fields()
        request_id = fields.request_id(message.request_id)
        act = act_on(fields.own_id(message.card_id, "card_id"))
        by = acted_by(fields, message)
        fields.require_valid()
        is_proposed = type(act).__name__ in self.four_eyes
        command = ActOnCard(
            key=RequestKey(caller, request_id),
            act=act,
            by=by,
            act_id=self._act_id(caller, request_id),
            is_proposed=is_proposed,
            request=message.SerializeToString(deterministic=True) if is_proposed else b"",
        )
        return read(command, message, fields)

    def _act_id(self, caller: str, request_id: str) -> str:
        return codes.derive_act_id(self.ring.first, caller, request_id)
