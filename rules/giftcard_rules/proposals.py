"""Four eyes: what one actor proposes is carried out when another one approves it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from giftcard_rules.acts import same_actor
from giftcard_rules.cards import timestamp
from giftcard_rules.reasons import DeclinedError, Reason, require

if TYPE_CHECKING:
    from datetime import datetime

    from giftcard_rules.act_commands import ActOnCard
    from giftcard_rules.acts import Ground

LAPSES_AFTER: Final = timedelta(days=1)


class ProposalState(enum.Enum):
    """What became of a proposal. LAPSED is never stored: time alone makes it so."""

    OPEN = "OPEN"
    CARRIED_OUT = "CARRIED_OUT"
    REJECTED = "REJECTED"
    DECLINED = "DECLINED"
    LAPSED = "LAPSED"


# A proposal is closed once, and stays so.
PROPOSAL_TRANSITIONS: Final = {
    ProposalState.OPEN: frozenset(
        {ProposalState.CARRIED_OUT, ProposalState.REJECTED, ProposalState.DECLINED}
    ),
    ProposalState.CARRIED_OUT: frozenset(),
    ProposalState.REJECTED: frozenset(),
    ProposalState.DECLINED: frozenset(),
    ProposalState.LAPSED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An act that waits for another actor; `act` is the name of its RPC.

    `request` is what was asked for, while the proposal is new; it is stored sealed. `reason` is
    why the rules declined the act once it was approved.
    """

    proposal_id: str
    act: str
    card_id: str
    proposed_by: str
    ground: Ground
    created_at: datetime
    lapses_at: datetime
    state: ProposalState = ProposalState.OPEN
    reason: Reason | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    request: bytes = field(default=b"", repr=False, compare=False)

    def state_at(self, now: datetime) -> ProposalState:
        """Return its state at a time: an open one lapses a day after it was made."""
        if self.state is ProposalState.OPEN and self.lapses_at <= now:
            return ProposalState.LAPSED
        return self.state


def propose(command: ActOnCard, now: datetime) -> Proposal:
    """Return the proposal that a request makes."""
    return Proposal(
        proposal_id=command.act_id,
        act=command.method,
        card_id=command.act.card_id,
        proposed_by=command.by.actor,
        ground=command.by.ground,
        created_at=now,
        lapses_at=now + LAPSES_AFTER,
        request=command.request,
    )


def require_open(proposal: Proposal | None, now: datetime) -> Proposal:
    """Return a proposal that can be closed. Raises `DeclinedError`."""
    if proposal is None:
        raise DeclinedError(Reason.PROPOSAL_NOT_FOUND)
    require(proposal.state is ProposalState.OPEN, otherwise=Reason.PROPOSAL_CLOSED)
    require(
        proposal.state_at(now) is ProposalState.OPEN,
        otherwise=Reason.PROPOSAL_LAPSED,
        lapse_time=timestamp(proposal.lapses_at),
    )
    return proposal


def require_another(proposal: Proposal, actor: str) -> None:
    """Raise `DeclinedError` where the actor has proposed it: four eyes are two people's."""
    require(not same_actor(proposal.proposed_by, actor), otherwise=Reason.SAME_ACTOR)


def close(
    proposal: Proposal,
    state: ProposalState,
    actor: str,
    now: datetime,
    reason: Reason | None = None,
) -> Proposal:
    """Return a proposal as it is once it is closed."""
    assert state in PROPOSAL_TRANSITIONS[proposal.state], f"{proposal.state} -> {state}"
    return replace(proposal, state=state, reason=reason, closed_at=now, closed_by=actor)
