"""The bytes of a request that its fingerprint digests, beside the command that they mean."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from giftcard_rules.commands import Keyed

if TYPE_CHECKING:
    from giftcard.v1 import authorization_service_pb2 as authorization_pb
    from giftcard.v1 import gift_card_service_pb2 as pb
    from giftcard.v1 import refund_service_pb2 as refund_pb

    Request = (
        pb.IssueRequest
        | pb.AuthorizeRequest
        | pb.CaptureRequest
        | pb.ReverseRequest
        | pb.CancelRequest
        | authorization_pb.ExtendAuthorizationRequest
        | refund_pb.ConfirmRefundRequest
    )

Command_co = TypeVar("Command_co", bound=Keyed, covariant=True)


@dataclass(frozen=True, slots=True)
class Read(Generic[Command_co]):
    """A request as it was read: its command, and its canonical bytes, which hold secrets."""

    command: Command_co
    canonical: bytes = field(repr=False)


def canonical(message: Request, **request_ids: str) -> bytes:
    """Return the bytes of a message with its request ids as they were read, in lower case.

    An id in another case is the same id, and so it is the same request. The message itself
    belongs to the caller and is left as it is. Records hold digests of these bytes for good.
    """
    if any(getattr(message, name) != value for name, value in request_ids.items()):
        message = deepcopy(message)
        for name, value in request_ids.items():
            setattr(message, name, value)
    return message.SerializeToString(deterministic=True)
