"""A desk of Customer Service: requests of two actors, on a shop's connection."""

from typing import Any, Final

from giftcard.v1 import support_service_pb2 as pb
from given.calls import sent
from given.calls.shop import Shop

ANNA: Final = "anna"
BEN: Final = "ben"


def by(actor: str = ANNA, ground: int = pb.GROUND_CUSTOMER_REQUEST, note: str = "") -> Any:
    """Return the fields that say who acts, and why."""
    return {"actor": actor, "ground": ground, "note": note}


class Desk(Shop):
    """A shop with Customer Service."""

    def block(self, card_id: str, **acting: Any) -> Any:
        """Block a card."""
        fields = by() | acting
        return self.call(pb.BlockCardRequest(request_id=sent.new_id(), card_id=card_id, **fields))

    def unblock(self, card_id: str, *, restore_validity: bool = False, **acting: Any) -> Any:
        """Unblock a card, or propose it."""
        request = pb.UnblockCardRequest(
            request_id=sent.new_id(),
            card_id=card_id,
            restore_validity=restore_validity,
            **(by() | acting),
        )
        return self.call(request)

    def write_off(self, card_id: str, **acting: Any) -> Any:
        """Write a card off, or propose it."""
        fields = by(ground=pb.GROUND_CHARGEBACK) | acting
        return self.call(
            pb.WriteOffCardRequest(request_id=sent.new_id(), card_id=card_id, **fields)
        )

    def resend(self, card_id: str, **fields: Any) -> Any:
        """Send the e-mail of a card again, or propose it."""
        request = pb.ResendCardRequest(request_id=sent.new_id(), card_id=card_id, **(by() | fields))
        return self.call(request)

    def approve(self, proposal_id: str, actor: str = BEN) -> Any:
        """Approve a proposal."""
        return self.call(approval(proposal_id, actor))

    def reject(self, proposal_id: str, actor: str = BEN) -> Any:
        """Reject a proposal."""
        return self.call(
            pb.RejectProposalRequest(request_id=sent.new_id(), proposal_id=proposal_id, **by(actor))
        )

    def shown(self, card_id: str, **fields: Any) -> Any:
        """Return a card with what belongs to it."""
        return self.call(pb.GetCardRequest(card_id=card_id, **fields))

    def timeline(self, card_id: str, page_size: int = 100) -> list[Any]:
        """Return all entries of a card, page by page."""
        found, token = [], ""
        while True:
            page = self.call(
                pb.ListTimelineRequest(card_id=card_id, page_size=page_size, page_token=token)
            )
            assert len(page.entries) <= page_size
            found += page.entries
            token = page.next_page_token
            if not token:
                return found

    def kinds(self, card_id: str) -> list[str]:
        """Return the kinds of a card's entries."""
        names = (pb.TimelineKind.Name(entry.kind) for entry in self.timeline(card_id))
        return [name.removeprefix("TIMELINE_KIND_") for name in names]


def approval(proposal_id: str, actor: str = BEN) -> pb.ApproveProposalRequest:
    """Return a request to approve a proposal."""
    return pb.ApproveProposalRequest(request_id=sent.new_id(), proposal_id=proposal_id, **by(actor))
