"""The plain model of what Customer Service asks for: acts with an actor, and four eyes."""

from copy import deepcopy
from datetime import datetime, timedelta

from giftcard_rules.act_commands import (
    ActOnCard,
    ApproveProposal,
    CancelPurchase,
    OtherAct,
    RejectProposal,
    ResendCard,
)
from giftcard_rules.commands import Cancel, DeskAct
from given.model.plain_refunds import PlainRefunds
from given.model.plain_terms import Facts, ModelDeclinedError, decline_where


class PlainDesk(PlainRefunds):
    """Acts, proposals and cancellations by number; `entries` counts those of each card."""

    def __init__(self) -> None:
        super().__init__()
        self.proposals: dict[str, Facts] = {}
        self.entries: dict[str, list[str]] = {}

    def _actoncard(self, command: ActOnCard, now: datetime) -> Facts:
        if not command.is_proposed:
            self._do(command.act, now)
            self._note(command.act.card_id, command.method)
            return self._acted_on(command.act.card_id)
        kept = deepcopy((self.cards, self.holds))
        self._do(command.act, now)  # What would be declined now is not even proposed.
        self.cards, self.holds = kept
        self.proposals[command.act_id] = {
            "act": command.act,
            "method": command.method,
            "by": command.by.actor,
            "state": "OPEN",
            "lapses_at": now + timedelta(days=1),
        }
        self._note(command.act.card_id, "PROPOSED")
        return {"proposal_id": command.act_id}

    def _approveproposal(self, command: ApproveProposal, now: datetime) -> Facts:
        proposal = self._open(command.proposal_id, now)
        decline_where(("SAME_ACTOR", proposal["by"] == command.by.actor))
        act, why = proposal["act"], None
        kept = deepcopy((self.cards, self.holds))
        try:
            self._do(act, now)
        except ModelDeclinedError as declined:
            self.cards, self.holds = kept
            why = declined.answer["declined"]
        proposal["state"] = "DECLINED" if why else "CARRIED_OUT"
        self._note(act.card_id, "PROPOSAL_DECLINED" if why else "PROPOSAL_APPROVED")
        if not why:
            self._note(act.card_id, proposal["method"])
        return self._closed(act.card_id, proposal["state"], why)

    def _rejectproposal(self, command: RejectProposal, now: datetime) -> Facts:
        proposal = self._open(command.proposal_id, now)
        proposal["state"] = "REJECTED"
        self._note(proposal["act"].card_id, "PROPOSAL_REJECTED")
        return self._closed(proposal["act"].card_id, "REJECTED", None)

    def _cancelpurchase(self, command: CancelPurchase, now: datetime) -> Facts:
        card_ids = () if command.card_id is None else (command.card_id,)
        cancel = Cancel(
            key=command.key,
            card_ids=card_ids,
            purchase_order_id=command.purchase_order_id,
            exercised_on=command.exercised_on,
        )
        answer = self._cancel(cancel, now)
        self._note(answer["card"]["card_id"], "PURCHASE_CANCELLED")
        return answer

    def _do(self, act: DeskAct | ResendCard | OtherAct, now: datetime) -> None:
        getattr(self, f"_{type(act).__name__.lower()}")(act, now)

    def _open(self, proposal_id: str, now: datetime) -> Facts:
        known = self.proposals.get(proposal_id, {})
        decline_where(
            ("PROPOSAL_NOT_FOUND", known == {}),
            ("PROPOSAL_CLOSED", known.get("state") != "OPEN"),
            ("PROPOSAL_LAPSED", known.get("lapses_at", now) <= now),
        )
        return known

    def _closed(self, card_id: str, state: str, why: str | None) -> Facts:
        return {"proposal": state, "why": why, "card": dict(self.cards[card_id])}

    def _acted_on(self, card_id: str) -> Facts:
        behind, found = {card_id}, set[str]()
        while behind:
            behind = {id_ for id_, each in self.cards.items() if each["replaces"] in behind}
            found |= behind
        return {"card": dict(self.cards[card_id]), "replacements": sorted(found)}

    def _note(self, card_id: str, what: str) -> None:
        self.entries.setdefault(card_id, []).append(what)
