"""The commands of one transaction, each answered from its record or by deciding it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from giftcard_rules import codes
from giftcard_rules.commands import (
    Acted,
    Authorize,
    Authorized,
    Cancel,
    CaughtUp,
    Declined,
    Keyed,
    Reverse,
)
from giftcard_rules.decide import decide
from giftcard_rules.decisions import Decision
from giftcard_rules.facts import RequestRecord
from giftcard_rules.reasons import LEAVES_NO_TRACE, MalformedError, Reason
from giftcard_server.errors import KeyLostError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    from giftcard_rules.commands import Command, Outcome
    from giftcard_rules.decide import Markets
    from giftcard_rules.facts import Facts

# The outcomes of commands whose answer no record keeps.
NOT_KEPT: Final = (CaughtUp, Acted, Declined)


@dataclass(frozen=True, slots=True)
class Submission:
    """A command, and the `canonical` bytes of its request, which its record digests.

    The digest tells a replay from another request with the same id. A `throttled` caller gets
    an answer that was decided before, since a replay is no guess, and no new one.
    """

    command: Command
    canonical: bytes = field(default=b"", repr=False)
    throttled: bool = False

    @property
    def method(self) -> str:
        """The name of the RPC."""
        return type(self.command).__name__


@dataclass(frozen=True, slots=True)
class Answer:
    """A decided answer, encoded as its record keeps it. `reason` says why it was declined.

    The refusal of a throttled call is not encoded: the edge does so, which knows the wait.
    `violations` are of a request that turned out to be malformed; it has no other answer.
    """

    encoded: bytes
    reason: Reason | None
    key_id: str
    replayed: bool = False
    violations: tuple[tuple[str, str], ...] = ()


def _fingerprint(ring_key: codes.Key, submission: Submission) -> bytes:
    return codes.fingerprint(ring_key, submission.method, submission.canonical)


def _exercised_on(command: Keyed) -> date | None:
    """Return the day that a return or a cancellation names, which its record keeps (R21, R25)."""
    return command.exercised_on if isinstance(command, Reverse | Cancel) else None


class Batch:
    """The commands of one transaction, decided in turn; later ones see what earlier ones did."""

    def __init__(
        self,
        facts: Facts,
        ring: codes.KeyRing,
        markets: Markets,
        encode: Callable[[Outcome], bytes],
        now: datetime,
    ) -> None:
        self._facts = facts
        self._ring = ring
        self._markets = markets
        self._encode = encode
        self._now = now
        self.decisions: list[Decision] = []
        self.records: list[RequestRecord] = []
        # Whether an answer follows from a record that another transaction has written.
        self.rests_on_records = False

    def answer(self, submission: Submission) -> Answer:
        """Answer a command from its record, or by deciding it now."""
        command = submission.command
        if not isinstance(command, Keyed):
            outcome = self._decide(command).outcome
            assert isinstance(outcome, NOT_KEPT)  # Validate has a reader of its own.
            reason = outcome.reason if isinstance(outcome, Declined) else None
            return Answer(b"", reason, "")
        record = self._facts.requests.get(command.key)
        self.rests_on_records |= record is not None
        refused = self._refused(record, submission) if record else None
        if record is not None and refused is None:
            return Answer(record.answer, record.reason, record.key_id, replayed=True)
        if submission.throttled:
            return Answer(b"", Reason.TOO_MANY_ATTEMPTS, "")
        if refused is not None:
            return Answer(self._encode(Declined(refused)), refused, "")
        try:
            return self._answer_anew(command, submission)
        except MalformedError as malformed:
            return Answer(b"", None, "", violations=((malformed.field, malformed.why),))

    def _answer_anew(self, command: Keyed, submission: Submission) -> Answer:
        decision = self._decide(command)
        outcome = decision.outcome
        reason = outcome.reason if isinstance(outcome, Declined) else None
        encoded = self._encode(outcome)
        ring_key = self._ring.first
        if reason not in LEAVES_NO_TRACE:
            made = outcome.authorization if isinstance(outcome, Authorized) else None
            self._keep(
                RequestRecord(
                    command.key,
                    submission.method,
                    fingerprint=_fingerprint(ring_key, submission),
                    key_id=ring_key.key_id,
                    reason=reason,
                    answer=encoded,
                    authorization_id=made.authorization_id if made else None,
                    exercised_on=_exercised_on(command),
                )
            )
        if decision.prevents is not None:
            prevented = RequestRecord(decision.prevents, Authorize.__name__, prevented=True)
            self._keep(prevented)
        return Answer(encoded, reason, ring_key.key_id)

    def _decide(self, command: Command) -> Decision:
        decision = decide(command, self._facts, self._markets, self._now)
        self._facts.apply(decision)
        # A decision is saved if it holds more than its outcome; most of them change a card.
        if decision.cards or decision != Decision(outcome=decision.outcome):
            self.decisions.append(decision)
        return decision

    def _refused(self, record: RequestRecord, submission: Submission) -> Reason | None:
        """Return why a record does not answer a submission of its id, None where it does."""
        if record.method != submission.method:
            return Reason.REQUEST_ID_REUSED
        if record.prevented:
            return Reason.REQUEST_PREVENTED  # R36
        ring_key = self._ring.get(record.key_id)
        if ring_key is None:
            raise KeyLostError
        if not hmac.compare_digest(record.fingerprint, _fingerprint(ring_key, submission)):
            return Reason.REQUEST_ID_REUSED
        return None

    def _keep(self, record: RequestRecord) -> None:
        self._facts.requests[record.key] = record
        self.records.append(record)
