"""The plain model of what Customer Service asks for: acts with an actor, and four eyes."""

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from giftcard_rules.act_commands import (
    ActOnCard,
    ApproveProposal,
    CancelPurchase,
    OtherAct,
    RejectProposal,
    ResendCard,
)
from giftcard_rules.commands import Cancel, DeskAct
from giftcard_rules.person_acts import ActOnPeople, ErasePerson, PersonAct
from given.model.plain_people import OutOfReachError, PlainPeople
from given.model.plain_terms import Facts, ModelDeclinedError, decline_where


class PlainDesk(PlainPeople):
    """Acts, proposals and cancellations by number; `entries` counts those of each card."""

    def __init__(self) -> None:
        super().__init__()
        self.proposals: dict[str, Facts] = {}
        self.entries: dict[str, list[str]] = {}

    def _actoncard(self, command: ActOnCard, now: datetime) -> Facts:
        kept = self._kept()
        done = self._do(command.act, now)  # What would be declined now is not even proposed.
        card_id = command.act.card_id
        if command.is_proposed and done.get("is_elsewhere", True):
            self._put_back(kept)
            return self._propose(command, card_id, now)
        self._note(card_id, command.method)
        if isinstance(command.act, ResendCard):
            return {"delivery": done["delivery"]}
        return self._acted_on(card_id)

    def _actonpeople(self, command: ActOnPeople, now: datetime) -> Facts:
        kept = self._kept()
        try:
            touched, told = self.change_people(command.act, now, is_asked=command.is_proposed)
        except OutOfReachError:
            self._put_back(kept)
            raise
        if command.is_proposed:
            self._put_back(kept)
            return self._propose(command, told[0], now)
        return self._told_of_people(command.act, touched, told)

    def _told_of_people(self, act: PersonAct, touched: list[str], told: list[str]) -> Facts:
        for card_id in told:
            self._note(card_id, type(act).__name__)
        return {"receipt" if isinstance(act, ErasePerson) else "cards": touched}

    def _propose(self, command: ActOnCard | ActOnPeople, card_id: str, now: datetime) -> Facts:
        self.proposals[command.act_id] = {
            "act": command.act,
            "card_id": card_id,
            "method": command.method,
            "by": command.by.actor,
            "state": "OPEN",
            "lapses_at": now + timedelta(days=1),
        }
        self._note(card_id, "PROPOSED")
        return {"proposal_id": command.act_id}

    def _approveproposal(self, command: ApproveProposal, now: datetime) -> Facts:
        proposal = self._open(command.proposal_id, now)
        decline_where(("SAME_ACTOR", proposal["by"] == command.by.actor))
        assert command.act is not None
        act, why, done = command.act.act, None, Facts()
        kept = self._kept()
        try:
            done = self._done_anew(act, proposal["method"], now)
        except ModelDeclinedError as declined:
            self._put_back(kept)
            why = declined.answer["declined"]
        except OutOfReachError:
            self._put_back(kept)
            raise
        proposal["state"] = "DECLINED" if why else "CARRIED_OUT"
        self._note(proposal["card_id"], "PROPOSAL_DECLINED" if why else "PROPOSAL_APPROVED")
        closed = self._closed(proposal["card_id"], proposal["state"], why)
        return closed | {name: done[name] for name in ("receipt",) if name in done}

    def _done_anew(self, act: Any, method: str, now: datetime) -> Facts:
        """Do what was proposed, with the entries that it leaves of its own."""
        if isinstance(act, PersonAct):
            return self._told_of_people(act, *self.change_people(act, now))
        done = self._do(act, now)
        self._note(act.card_id, method)
        return done

    def _rejectproposal(self, command: RejectProposal, now: datetime) -> Facts:
        proposal = self._open(command.proposal_id, now)
        proposal["state"] = "REJECTED"
        self._note(proposal["card_id"], "PROPOSAL_REJECTED")
        return self._closed(proposal["card_id"], "REJECTED", None)

    def _kept(self) -> Any:
        return deepcopy((self.cards, self.holds)), self.snapshot()

    def _put_back(self, kept: Any) -> None:
        (self.cards, self.holds), people = kept
        self.restore(people)

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

    def _do(self, act: DeskAct | ResendCard | OtherAct, now: datetime) -> Facts:
        done: Facts = getattr(self, f"_{type(act).__name__.lower()}")(act, now)
        return done

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
