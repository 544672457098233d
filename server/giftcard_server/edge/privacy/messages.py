"""What was done to the data of people, as messages, and as the bytes that records keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from giftcard.v1 import privacy_service_pb2 as pb
from giftcard_rules.person_acts import ActedOnPeople
from giftcard_server.edge.support import messages as support

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from giftcard_rules.commands import Outcome

_RESPONSES: Final[dict[str, type[Any]]] = {
    "RectifyPerson": pb.RectifyPersonResponse,
    "RestrictPerson": pb.RestrictPersonResponse,
    "LiftRestriction": pb.LiftRestrictionResponse,
    "ErasePerson": pb.ErasePersonResponse,
}


def encode(outcome: Outcome) -> bytes:
    """Return an outcome as the encoded answer that a request record keeps."""
    if not isinstance(outcome, ActedOnPeople):
        return support.encode(outcome)
    encoded: bytes = _acted(outcome).SerializeToString()
    return encoded


def _acted(outcome: ActedOnPeople) -> Message:
    response = _RESPONSES[outcome.method]
    message: Message
    if outcome.proposal is not None:
        message = response(proposal_id=outcome.proposal.proposal_id)
    elif outcome.receipt is not None:
        message = response(receipt=support.receipt_message(outcome.receipt))
    else:
        message = response(card_ids=outcome.card_ids)
    return message
