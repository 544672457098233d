"""Every write: load, decide, save and commit once for all commands that wait."""

from __future__ import annotations

import hmac
import random
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from giftcard_rules import codes
from giftcard_rules.commands import Authorize, Authorized, CaughtUp, Declined, Keyed
from giftcard_rules.decide import decide
from giftcard_rules.decisions import Decision
from giftcard_rules.facts import RequestRecord
from giftcard_rules.reasons import LEAVES_NO_TRACE, Reason
from giftcard_server.deciding.batching import Batcher
from giftcard_server.errors import ContendedError
from giftcard_server.keys.key_ring import required_key
from giftcard_storage.errors import CommitLostError, StaleError, StorageAwayError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from giftcard_rules.commands import Command, Outcome
    from giftcard_rules.decide import Markets
    from giftcard_rules.facts import Facts
    from giftcard_server.deciding.batching import Entry
    from giftcard_server.metrics import DomainMetrics
    from giftcard_storage.store import Store

TRIES: Final = 8
PAUSE_SECONDS: Final = 0.01


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
    """

    encoded: bytes
    reason: Reason | None
    key_id: str
    replayed: bool = False


class Committer:
    """Runs commands in batches, each batch as one durable transaction.

    `encode` turns an outcome into the encoded answer that its request record keeps. `now` is
    called once for each try of a batch.
    """

    def __init__(
        self,
        store: Store,
        ring: codes.KeyRing,
        markets: Markets,
        encode: Callable[[Outcome], bytes],
        now: Callable[[], datetime],
        metrics: DomainMetrics,
        *,
        waiting_limit: int,
        batch_limit: int,
    ) -> None:
        self._store = store
        self._ring = ring
        self._markets = markets
        self._encode = encode
        self._now = now
        self._metrics = metrics
        self._batcher: Batcher[Submission, Answer] = Batcher(
            self._run, waiting_limit=waiting_limit, batch_limit=batch_limit
        )

    def submit(self, submission: Submission, gone: Callable[[], bool]) -> Answer:
        """Decide a command, durably, and return its answer.

        Raises `OverloadedError`, `GoneError`, `StorageAwayError`, `ContendedError` and
        `KeyLostError`; any other error is a defect. After each of them nothing was done, but
        after `CommitLostError` the command may have been, which its request record tells.
        """
        return self._batcher.submit(submission, gone)

    def _run(self, entries: Sequence[Entry[Submission, Answer]]) -> None:
        try:
            self._commit(entries)
        except StorageAwayError:
            raise
        except Exception as error:  # noqa: BLE001 - one command's defect or bad luck shall not fail the others
            if len(entries) == 1:
                entries[0].fail(error)
                return
            self._run_one_by_one(entries)

    def _run_one_by_one(self, entries: Sequence[Entry[Submission, Answer]]) -> None:
        away: StorageAwayError | None = None
        for entry in entries:
            if away is not None:  # To ask again for each would keep all of them waiting.
                entry.fail(away)
                continue
            try:
                self._commit((entry,))
            except StorageAwayError as error:
                away = error
                entry.fail(error)
            except Exception as error:  # noqa: BLE001 - it is an error of this command alone
                entry.fail(error)

    def _commit(self, entries: Sequence[Entry[Submission, Answer]]) -> None:
        """Decide a batch again until it is committed, or fail after `TRIES`.

        A batch whose commit was lost is decided again, like one that read stale facts. If it was
        committed after all, every command finds its request record and is answered from it.
        """
        lost: CommitLostError | None = None
        for attempt in range(TRIES):
            try:
                return self._try_commit(entries)
            except StaleError:
                self._metrics.again("stale")
            except CommitLostError as error:
                lost = error
                self._metrics.again("commit_lost")
            except StorageAwayError:
                if lost is None:  # Nothing was done, which the caller shall know at once.
                    raise
            time.sleep(random.uniform(0, PAUSE_SECONDS * 2**attempt))  # noqa: S311 - jitter
        raise lost or ContendedError

    def _try_commit(self, entries: Sequence[Entry[Submission, Answer]]) -> None:
        answers: list[Answer] = []
        try:
            with self._store.transaction():
                now = self._now()  # Not sooner: the transaction may have waited for a writer.
                loaded = self._store.load([entry.item.command for entry in entries])
                batch = _Batch(loaded.facts, self._ring, self._markets, self._encode, now)
                answers += [_first(entry.result, batch.answer(entry.item)) for entry in entries]
                if batch.decisions or batch.records:
                    self._store.save(loaded, batch.decisions, batch.records, now)
        except CommitLostError:
            for entry, answer in zip(entries, answers, strict=True):
                entry.succeed(answer)  # Perhaps: the next try finds out.
            raise
        for entry, answer in zip(entries, answers, strict=True):
            entry.succeed(answer)
            self._metrics.answered(entry.item.method, answer.reason, replayed=answer.replayed)
        self._metrics.committed(len(entries), batch.decisions)


def _first(lost: Answer | None, found: Answer) -> Answer:
    """Return an answer whose commit was lost as the first answer, although its record is found."""
    if lost is not None and found == replace(lost, replayed=True):
        return lost
    return found


def _fingerprint(ring_key: codes.Key, submission: Submission) -> bytes:
    return codes.fingerprint(ring_key, submission.method, submission.canonical)


class _Batch:
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

    def answer(self, submission: Submission) -> Answer:
        """Answer a command from its record, or by deciding it now."""
        command = submission.command
        if not isinstance(command, Keyed):
            caught_up = self._decide(command).outcome
            assert isinstance(caught_up, CaughtUp)  # Validate has a reader of its own.
            return Answer(b"", None, "")
        record = self._facts.requests.get(command.key)
        refused = self._refused(record, submission) if record else None
        if record is not None and refused is None:
            return Answer(record.answer, record.reason, record.key_id, replayed=True)
        if submission.throttled:
            return Answer(b"", Reason.TOO_MANY_ATTEMPTS, "")
        if refused is not None:
            return Answer(self._encode(Declined(refused)), refused, "")
        return self._answer_anew(command, submission)

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
        ring_key = required_key(self._ring, record.key_id)
        if not hmac.compare_digest(record.fingerprint, _fingerprint(ring_key, submission)):
            return Reason.REQUEST_ID_REUSED
        return None

    def _keep(self, record: RequestRecord) -> None:
        self._facts.requests[record.key] = record
        self.records.append(record)
