"""Acts and proposals as rows, sealed, and proposals as facts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from giftcard_rules.acts import Ground
from giftcard_rules.decisions import PersonRole
from giftcard_rules.delivery_facts import ContactRectified
from giftcard_rules.person_acts import Erased
from giftcard_rules.proposals import Proposal, ProposalState
from giftcard_rules.reasons import Reason
from giftcard_storage.acts.addresses import joined, names_of_address
from giftcard_storage.acts.notes import names_of_act, names_of_proposal, sealed
from giftcard_storage.deliveries.stored import delivery_id_of, row_of_new
from giftcard_storage.rows import instant, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from giftcard_rules.acts import Act
    from giftcard_rules.decisions import Decision
    from giftcard_storage.acts.notes import NoteSealing
    from giftcard_storage.data_keys import DataKey
    from giftcard_storage.rows import Found, Row


class ActRows(NamedTuple):
    """Rows to be saved: new data keys, entries, proposals made and closed, and new deliveries."""

    data_keys: list[Row]
    acts: list[Row]
    proposed: list[Row]
    closed: list[Row]
    deliveries: list[Row]


def rows_of_acts(
    sealing: NoteSealing | None,
    decisions: Sequence[Decision],
    at_rest: Mapping[str, Sequence[DataKey]],
    now: datetime,
) -> ActRows:
    """Return the rows of the acts and proposals of decisions; `at_rest` are data keys by card."""
    found = ActRows([], [], [], [], [])
    sealer: _Sealer | None = None
    for number, decision in enumerate(decisions):
        if not decision.acts and decision.proposal is None:
            continue
        sealer = sealer or _Sealer(sealing, at_rest, found.data_keys)
        sealer.erased_later = _cards_of_erasures(decisions[number + 1 :])
        resent = _resent_rows(decision, sealer, now)
        found.deliveries.extend(resent)
        delivery_id = resent[0][0] if resent else None
        found.acts.extend(act_row(act, sealer, now, delivery_id) for act in decision.acts)
        proposal = decision.proposal
        if proposal is None:
            continue
        if proposal.state is ProposalState.OPEN:
            found.proposed.append(_proposal_row(proposal, sealer))
        else:
            found.closed.append(_closed_row(proposal))
    return found


def _cards_of_erasures(decisions: Iterable[Decision]) -> frozenset[str]:
    """Return the cards of which these decisions erase people."""
    return frozenset(
        change.slot.card_id
        for decision in decisions
        for change in decision.person_changes
        if isinstance(change, Erased)
    )


class _Sealer:
    """Seals for several acts; each card's data key is got ready once."""

    def __init__(
        self,
        sealing: NoteSealing | None,
        at_rest: Mapping[str, Sequence[DataKey]],
        made: list[Row],
    ) -> None:
        if sealing is None:
            message = "a store without a sealing for notes saves no acts"
            raise TypeError(message)
        self._sealing = sealing
        self._at_rest = at_rest
        self._made = made
        self._ready: dict[str, tuple[str, AESGCM]] = {}
        # A person of these cards is erased by a later decision, and with the person what is sealed
        # before: under a data key that is not kept.
        self.erased_later: frozenset[str] = frozenset()

    def seal(self, card_id: str, names: bytes, text: bytes) -> tuple[str, bytes]:
        """Return the id of the data key, and the sealed text."""
        if card_id in self.erased_later:
            data_key_id, cipher = self._sealing.ready(card_id, (), [])
            return data_key_id, sealed(cipher, names, text)
        if card_id not in self._ready:
            at_rest = self._at_rest.get(card_id, ())
            self._ready[card_id] = self._sealing.ready(card_id, at_rest, self._made)
        data_key_id, cipher = self._ready[card_id]
        return data_key_id, sealed(cipher, names, text)


def sealer_of(
    sealing: NoteSealing, at_rest: Mapping[str, Sequence[DataKey]], made: list[Row]
) -> _Sealer:
    """Return what seals notes; rows of new data keys are added to `made`."""
    return _Sealer(sealing, at_rest, made)


def act_row(act: Act, sealer: _Sealer, now: datetime, delivery_id: str | None = None) -> Row:
    """Return an entry as its row; what has no note and no address is not sealed."""
    kept: tuple[str | None, bytes | None] = (None, None)
    if act.by.note or act.corrected_email:
        text = json.dumps([act.by.note, act.corrected_email], ensure_ascii=False).encode()
        names = names_of_act(act.card_id, act.act_id, act.kind.value)
        kept = sealer.seal(act.card_id, names, text)
    return (
        act.card_id,
        act.act_id,
        act.kind.value,
        microseconds(now),
        act.by.actor,
        act.by.ground.value,
        act.proposal_id,
        act.role.value if act.role else None,
        act.authorization_id,
        act.delivery_id or delivery_id,
        *kept,
    )


def _resent_rows(decision: Decision, sealer: _Sealer, now: datetime) -> list[Row]:
    """Return the rows of deliveries; the corrected address is that of the first one alone."""
    rows: list[Row] = []
    corrected = next((act.corrected_email for act in decision.acts if act.corrected_email), "")
    for new in decision.deliveries:
        if corrected and not rows:
            names = names_of_address(delivery_id_of(new.card_id, new.kind, new.resend_number))
            address = joined(*sealer.seal(new.card_id, names, corrected.encode()))
            rows.append(row_of_new(new._replace(address_sealed=address), now))
        else:
            rows.append(row_of_new(new, now))
    return rows


def proposal_of(row: Found) -> Proposal:
    """Return the proposal of a row; what was asked for stays sealed."""
    return Proposal(
        proposal_id=row[0],
        act=row[1],
        card_id=row[2],
        proposed_by=row[3],
        ground=Ground(row[4]),
        created_at=instant(row[5]),
        lapses_at=instant(row[6]),
        state=ProposalState(row[7]),
        reason=Reason(row[8]) if row[8] else None,
        closed_at=None if row[9] is None else instant(row[9]),
        closed_by=row[10],
    )


def contact_rectified_of(row: Found) -> ContactRectified:
    """Return what an entry of that kind says."""
    role = PersonRole(row[7]) if row[7] else None
    return ContactRectified(row[0], role, row[8], instant(row[3]))


def _proposal_row(proposal: Proposal, sealer: _Sealer) -> Row:
    names = names_of_proposal(proposal.proposal_id)
    return (
        proposal.proposal_id,
        proposal.act,
        proposal.card_id,
        proposal.proposed_by,
        proposal.ground.value,
        microseconds(proposal.created_at),
        microseconds(proposal.lapses_at),
        proposal.state.value,
        None,
        None,
        None,
        *sealer.seal(proposal.card_id, names, proposal.request),
    )


def _closed_row(proposal: Proposal) -> Row:
    """Return what changes, and then what must be as it was: the proposal is still open."""
    assert proposal.closed_at is not None
    return (
        proposal.state.value,
        proposal.reason.value if proposal.reason else None,
        microseconds(proposal.closed_at),
        proposal.closed_by,
        proposal.proposal_id,
        ProposalState.OPEN.value,
    )
