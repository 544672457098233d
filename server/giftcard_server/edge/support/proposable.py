"""The acts that can be proposed: how what was asked for is read again, and who may approve it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from giftcard.v1 import support_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from giftcard_rules.act_commands import ActOnCard
    from giftcard_rules.person_acts import ActOnPeople
    from giftcard_rules.proposals import Proposal
    from giftcard_server.edge.support.requests import ActReader

SUPPORT: Final = "/giftcard.v1.SupportService"


@dataclass(frozen=True, slots=True)
class Proposable:
    """An act that can be proposed.

    `path` is its RPC: whoever approves it needs a role that may call it. `command_of` reads the
    request that the proposal keeps, and the rules decide the command anew. An act that rules know
    only by name (`OtherAct`) is carried out by `carry_out`, after the approval was committed and
    once more with each replay of it, so that nothing is lost where a server dies in between: it
    is handed the kept request and the proposal, and has to be idempotent.
    """

    path: str
    command_of: Callable[[bytes], ActOnCard | ActOnPeople]
    carry_out: Callable[[bytes, Proposal], object] | None = None


def acts_on_cards(reader: ActReader) -> Mapping[str, Proposable]:
    """Return the acts of SupportService, by the names of their RPCs.

    The proposer's request is read as anybody's: the name of the caller is of no account, as the
    approval's own request has the record.
    """
    nobody = ""
    return {
        "BlockCard": Proposable(
            f"{SUPPORT}/BlockCard",
            lambda kept: reader.block(pb.BlockCardRequest.FromString(kept), nobody).command,
        ),
        "UnblockCard": Proposable(
            f"{SUPPORT}/UnblockCard",
            lambda kept: reader.unblock(pb.UnblockCardRequest.FromString(kept), nobody).command,
        ),
        "ResendCard": Proposable(
            f"{SUPPORT}/ResendCard",
            lambda kept: reader.resend(pb.ResendCardRequest.FromString(kept), nobody).command,
        ),
        "WriteOffCard": Proposable(
            f"{SUPPORT}/WriteOffCard",
            lambda kept: reader.write_off(pb.WriteOffCardRequest.FromString(kept), nobody).command,
        ),
    }
