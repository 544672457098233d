"""Rectifying, restricting and erasing people: what each changes, and what timelines tell (R32).

None of it changes a card, its value or its version.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from giftcard_rules import proposals
from giftcard_rules.act_commands import ActOnCard, OtherAct
from giftcard_rules.acts import Act, ActKind
from giftcard_rules.decisions import Decision
from giftcard_rules.person_acts import (
    ActedOnPeople,
    Erased,
    ErasePerson,
    LiftRestriction,
    Receipt,
    Rectified,
    RectifyPerson,
    Restricted,
    RestrictPerson,
)
from giftcard_rules.reasons import DeclinedError, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from giftcard_rules.acts import ActedBy
    from giftcard_rules.current import Current
    from giftcard_rules.person_acts import (
        ActOnPeople,
        KnownPerson,
        PersonAct,
        PersonChange,
        Slot,
    )

# What the timeline calls each act.
KIND_OF: Final[dict[type[PersonAct], ActKind]] = {
    ErasePerson: ActKind.PERSON_ERASED,
    RectifyPerson: ActKind.PERSON_RECTIFIED,
    RestrictPerson: ActKind.PERSON_RESTRICTED,
    LiftRestriction: ActKind.RESTRICTION_LIFTED,
}


def act(command: ActOnPeople, current: Current) -> Decision:
    """Change the data of people, or propose to.

    Declines with CARD_NOT_FOUND where there is nobody, and with PERSON_ERASED where everybody was
    erased before. An act that the rules decline now is not even proposed.
    """
    decided = carry_out(command, current)
    if not command.is_proposed:
        return decided
    other = OtherAct(command.method, min(entry.card_id for entry in decided.acts))
    proposing = ActOnCard(
        key=command.key,
        act=other,
        by=command.by,
        act_id=command.act_id,
        is_proposed=True,
        request=command.request,
    )
    proposal = proposals.propose(proposing, current.now)
    entry = Act(
        act_id=command.act_id, kind=ActKind.PROPOSED, card_id=proposal.card_id, by=command.by
    )
    outcome = ActedOnPeople(method=command.method, proposal=proposal)
    return Decision(outcome=outcome, acts=(entry,), proposal=proposal)


def carry_out(command: ActOnPeople, current: Current, proposal_id: str | None = None) -> Decision:
    """Change the data of people now. Declines like `act`."""
    people = _people(command, current)
    changes = [change for person in people if (change := _change(command, person)) is not None]
    slots = [change.slot for change in changes]
    card_ids = tuple(sorted({slot.card_id for slot in slots}))
    is_erasure = isinstance(command.act, ErasePerson)
    receipt = _receipt(command, slots, card_ids, current.now) if is_erasure else None
    told = card_ids or (min(person.slot.card_id for person in people),)
    return Decision(
        outcome=ActedOnPeople(method=command.method, card_ids=card_ids, receipt=receipt),
        person_changes=tuple(changes),
        acts=tuple(
            entry(
                command.act_id, KIND_OF[type(command.act)], card_id, slots, command.by, proposal_id
            )
            for card_id in told
        ),
    )


def entry(
    act_id: str,
    kind: ActKind,
    card_id: str,
    slots: Sequence[Slot],
    by: ActedBy,
    proposal_id: str | None = None,
) -> Act:
    """Return a card's entry for what was done to its people, of whom one alone is named."""
    of_card = [slot for slot in slots if slot.card_id == card_id]
    only = of_card[0] if len(of_card) == 1 else None
    return Act(
        act_id=act_id,
        kind=kind,
        card_id=card_id,
        by=by,
        proposal_id=proposal_id,
        role=only.role if only else None,
        authorization_id=(only.authorization_id or None) if only else None,
    )


def _people(command: ActOnPeople, current: Current) -> list[KnownPerson]:
    """Return those whom it is about and whose data is still there, in the order of their slots."""
    subject, facts = command.act.subject, current.facts
    known = [facts.people[slot] for slot in facts.subjects.get(subject, ())]
    if subject.email is not None:
        known = [person for person in known if not person.has_moved]
    if not known:
        raise DeclinedError(Reason.CARD_NOT_FOUND)
    people = [person for person in known if not person.is_erased]
    if not people:
        raise DeclinedError(Reason.PERSON_ERASED)
    return people


def _change(command: ActOnPeople, person: KnownPerson) -> PersonChange | None:
    """Return what changes of a person; None where it is as it shall be already."""
    match command.act:
        case ErasePerson():
            return Erased(person.slot, command.act_id, command.by.actor)
        case RectifyPerson():
            return Rectified(person.slot, command.act.contact)
        case RestrictPerson():
            return None if person.is_restricted else Restricted(person.slot, is_restricted=True)
        case LiftRestriction():
            return Restricted(person.slot, is_restricted=False) if person.is_restricted else None


def _receipt(
    command: ActOnPeople, slots: Sequence[Slot], card_ids: tuple[str, ...], now: datetime
) -> Receipt:
    erased = (f"{slot.card_id}/{slot.role.value}/{slot.authorization_id}" for slot in slots)
    lines = [command.act_id, now.isoformat(), *erased]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return Receipt(receipt_id=command.act_id, erased_at=now, card_ids=card_ids, digest=digest)
