"""The acts of Customer Service, with their entries in timelines, and under four eyes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from giftcard_rules import privacy, proposals, purchase
from giftcard_rules.act_commands import (
    ActedOn,
    ActOnCard,
    OtherAct,
    ProposalClosed,
    Proposed,
    ResendCard,
    Resent,
)
from giftcard_rules.acts import Act, ActKind
from giftcard_rules.authorization_calls import CardsShown
from giftcard_rules.commands import Acted
from giftcard_rules.decisions import Decision
from giftcard_rules.person_acts import ActedOnPeople, ActOnPeople
from giftcard_rules.proposals import ProposalState
from giftcard_rules.reasons import DeclinedError, Reason
from giftcard_rules.steps import catch_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from giftcard_rules.act_commands import (
        ActCommand,
        ApproveProposal,
        CancelPurchase,
        RejectProposal,
        ShowCards,
    )
    from giftcard_rules.cards import Card
    from giftcard_rules.commands import Cancel, DeskAct
    from giftcard_rules.current import Current

    DecideAct = Callable[[DeskAct | ResendCard | OtherAct, Current], Decision]

# What the timeline calls each act, by its RPC. Acts that are carried out elsewhere are told there.
KIND_OF: Final = {
    "BlockCard": ActKind.CARD_BLOCKED,
    "UnblockCard": ActKind.CARD_UNBLOCKED,
    "WriteOffCard": ActKind.CARD_WRITTEN_OFF,
    "ResendCard": ActKind.CARD_RESENT,
}


def act(command: ActOnCard, decided: Decision, current: Current) -> Decision:
    """Carry an act out, or propose it; `decided` is what the rules say of it now.

    An act that the rules decline now is not even proposed.
    """
    if command.is_proposed and _needs_another(decided):
        proposal = proposals.propose(command, current.now)
        entry = _entry(command, ActKind.PROPOSED, proposal.card_id, command.act_id)
        return Decision(outcome=Proposed(proposal), acts=(entry,), proposal=proposal)
    entry = _entry(command, KIND_OF[command.method], command.act.card_id)
    if isinstance(decided.outcome, Resent):
        return decided._replace(acts=(entry,))
    assert isinstance(decided.outcome, Acted), "an act that is carried out elsewhere"
    card = decided.outcome.card
    outcome = ActedOn(command.method, card, _replacements(card, current))
    return decided._replace(outcome=outcome, acts=(entry,))


def _needs_another(decided: Decision) -> bool:
    """Return whether an act under four eyes needs them; a message to a known address does not."""
    return not isinstance(decided.outcome, Resent) or decided.outcome.is_elsewhere


def named(other: OtherAct, current: Current) -> Decision:
    """Look at the card of an act that is carried out elsewhere."""
    card, _, _ = current.card_of((other.card_id,))
    return Decision(outcome=Acted(card))


def cancel_purchase(command: CancelPurchase, current: Current) -> Decision:
    """Cancel a purchase by its number and its purchaser's address (R28)."""
    card, hold, market = current.card_of(() if command.card_id is None else (command.card_id,))
    bought = current.facts.purchases.get(card.card_id)
    decision = purchase.cancel(command, card, hold, bought, market, current.now)
    entry = _entry(command, ActKind.PURCHASE_CANCELLED, card.card_id)
    return decision._replace(acts=(entry,))


def told(decision: Decision, command: Cancel, card: Card) -> Decision:
    """Return a cancellation with its entry in the card's timeline, where somebody says who acts."""
    if command.by is None:
        return decision
    kind = ActKind.PURCHASE_CANCELLED
    entry = Act(act_id=command.act_id, kind=kind, card_id=card.card_id, by=command.by)
    return decision._replace(acts=(entry,))


def approve(command: ApproveProposal, current: Current, decide_act: DecideAct) -> Decision:
    """Look at the facts anew and carry out what was proposed, or close it with the reason."""
    facts, now = current.facts, current.now
    proposal = proposals.require_open(facts.proposals.get(command.proposal_id), now)
    proposals.require_another(proposal, command.by.actor)
    card, _, _ = current.card_of((proposal.card_id,))
    if command.act is None:
        return _decline(command, proposal, card, now, Reason.PERSON_ERASED)
    if isinstance(command.act, ActOnPeople):
        return _approve_for_people(command, command.act, proposal, card, current)
    try:
        decided = decide_act(command.act.act, current)
    except DeclinedError as declined:
        return _decline(command, proposal, card, now, declined.reason)
    assert isinstance(decided.outcome, Acted | Resent)
    closed = proposals.close(proposal, ProposalState.CARRIED_OUT, command.by.actor, now)
    approved = _closed(command, ActKind.PROPOSAL_APPROVED, closed, decided.outcome.card)
    entries = approved.acts
    if not isinstance(command.act.act, OtherAct):
        # It is the proposer's act, on the proposer's ground, at the time of the approval.
        entry = _entry(command.act, KIND_OF[proposal.act], card.card_id, proposal.proposal_id)
        entries = (replace(entry, act_id=command.act_id), *entries)
    return decided._replace(outcome=approved.outcome, acts=entries, proposal=closed)


def _approve_for_people(
    command: ApproveProposal,
    proposed: ActOnPeople,
    proposal: proposals.Proposal,
    card: Card,
    current: Current,
) -> Decision:
    """Carry out what was proposed for people: the proposer's act, at the time of the approval."""
    now = current.now
    try:
        act_now = replace(proposed, is_proposed=False)
        decided = privacy.carry_out(act_now, current, proposal.proposal_id)
    except DeclinedError as declined:
        return _decline(command, proposal, card, now, declined.reason)
    closed = proposals.close(proposal, ProposalState.CARRIED_OUT, command.by.actor, now)
    approved = _closed(command, ActKind.PROPOSAL_APPROVED, closed, card)
    entries = (*decided.acts, *approved.acts)
    assert isinstance(decided.outcome, ActedOnPeople)
    outcome = ProposalClosed(closed, card, decided.outcome.receipt)
    return decided._replace(outcome=outcome, acts=entries, proposal=closed)


def reject(command: RejectProposal, current: Current) -> Decision:
    """Close a proposal; nothing is carried out."""
    known = current.facts.proposals.get(command.proposal_id)
    proposal = proposals.require_open(known, current.now)
    card, _, _ = current.card_of((proposal.card_id,))
    closed = proposals.close(proposal, ProposalState.REJECTED, command.by.actor, current.now)
    return _closed(command, ActKind.PROPOSAL_REJECTED, closed, card)


def show(query: ShowCards, current: Current) -> CardsShown:
    """Show cards and authorizations as time has made them."""
    facts = current.facts
    cards = [current.card(id_)[0] for id_ in query.card_ids if id_ in facts.cards]
    known = (id_ for id_ in query.authorization_ids if id_ in facts.authorizations)
    return CardsShown(tuple(cards), tuple(current.authorization(id_)[0] for id_ in known))


def _decline(
    command: ApproveProposal,
    proposal: proposals.Proposal,
    card: Card,
    now: datetime,
    reason: Reason,
) -> Decision:
    state = ProposalState.DECLINED
    closed = proposals.close(proposal, state, command.by.actor, now, reason)
    return _closed(command, ActKind.PROPOSAL_DECLINED, closed, card)


def _closed(
    command: ApproveProposal | RejectProposal,
    kind: ActKind,
    closed: proposals.Proposal,
    card: Card,
) -> Decision:
    entry = _entry(command, kind, card.card_id, closed.proposal_id)
    return Decision(outcome=ProposalClosed(closed, card), acts=(entry,), proposal=closed)


def _entry(
    command: ActCommand,
    kind: ActKind,
    card_id: str,
    proposal_id: str | None = None,
) -> Act:
    return Act(
        act_id=command.act_id,
        kind=kind,
        card_id=card_id,
        by=command.by,
        proposal_id=proposal_id,
        corrected_email=_corrected_email(command),
    )


def _corrected_email(command: ActCommand) -> str:
    if isinstance(command, ActOnCard) and isinstance(command.act, ResendCard):
        return command.act.corrected_email
    return ""


def _replacements(card: Card, current: Current) -> tuple[Card, ...]:
    """Return all cards that came back from a card, and from those, as time has made them.

    They are looked at and not booked: the act leaves them alone.
    """
    facts = current.facts
    found: list[Card] = []
    behind = {card.card_id}
    while behind:
        some = [each for each in facts.cards.values() if each.replaces_card_id in behind]
        found += sorted(some, key=lambda each: (each.issued_at, each.card_id))
        behind = {each.card_id for each in some}
    return tuple(
        catch_up(each, facts.authorizations[each.hold_id] if each.hold_id else None, current.now)[0]
        for each in found
    )
