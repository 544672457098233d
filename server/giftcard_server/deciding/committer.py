"""Every write: load, decide, save and commit once for all commands that wait."""

from __future__ import annotations

import hmac
import random
import time
from typing import TYPE_CHECKING, Final

import structlog

from giftcard_rules import codes
from giftcard_rules.act_commands import CancelPurchase
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
from giftcard_server.deciding.batched import Batched
from giftcard_server.deciding.batching import Batcher
from giftcard_server.deciding.submission import Answer, Submission
from giftcard_server.errors import (
    ClockWrongError,
    ContendedError,
    FormUnknownError,
    InvalidRequestError,
)
from giftcard_server.keys.key_ring import required_key
from giftcard_server.process.waits import in_thread
from giftcard_server.tracing.stopwatch import Phase, Stopwatch
from giftcard_storage.errors import (
    CommitLostError,
    FencedOffError,
    LockedError,
    PeopleAwayError,
    StaleError,
    StorageAwayError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from giftcard_rules.commands import Command, Outcome, RequestKey
    from giftcard_rules.current import Markets
    from giftcard_rules.facts import Facts
    from giftcard_server.deciding.batch_telling import BatchTelling
    from giftcard_server.deciding.batching import Entry
    from giftcard_server.metrics import DomainMetrics
    from giftcard_server.process.waits import Steps
    from giftcard_storage.store import Store

log = structlog.get_logger(__name__)

TRIES: Final = 8
PAUSE_SECONDS: Final = 0.01
# No later try of a batch begins when so much time has passed since the first one.
TRY_SECONDS: Final = 8.0
# When a batch that met a lock has been split for so long, its other commands fail as well: then
# another program has locked a whole table.
SPLIT_SECONDS: Final = 2.0
# After a lock was met, batches hardly wait for locks for so long, so that a card that a long
# transaction holds delays no command for other cards by more than a moment.
IMPATIENT_SECONDS: Final = 5.0
# The name of the form of `Submission.canonical`. Records name it.
FORM: Final = "2"


class Committer:
    """Runs commands in batches, each batch as one durable transaction.

    `encode` turns an outcome into the encoded answer that its request record keeps. `now` is
    called once for each try of a batch; a batch for which it raises fails as a whole.
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
        # Called after each commit that changed cards.
        self.tell_of_commit: Callable[[], object] = lambda: None
        # For readiness, which has to know whether writes succeed: how many batches that wrote
        # were committed, and what became of the last one, unless it was committed.
        self.commits = 0
        self.failure: StorageAwayError | None = None
        self._is_fenced_off = False
        self._patient_again_at = 0.0  # By the monotonic clock.
        self.batcher: Batcher[Submission, Answer] = Batcher(
            self._run, waiting_limit=waiting_limit, batch_limit=batch_limit
        )
        # Told of each batch, where somebody is.
        self.telling: BatchTelling | None = None

    def submit(self, submission: Submission, gone: Callable[[], bool]) -> Answer:
        """Decide a command, durably, and return its answer.

        Raises `UndecidedError`, `StorageAwayError`, `UnknownTermsError` and
        `InvalidRequestError`; any other error is a defect. After each of them nothing was done,
        but after `CommitLostError` and `LateError` the command may have been, which its request
        record tells.
        """
        return in_thread(self.decided(submission, gone))

    def decided(self, submission: Submission, gone: Callable[[], bool]) -> Steps[Answer]:
        """Decide a command as `submit` does, in steps: its call needs no thread while it waits."""
        answer: Answer = yield Batched(self.batcher, submission, gone)
        if answer.violations:
            raise InvalidRequestError(answer.violations)
        return answer

    def submit_all(
        self, submissions: Sequence[Submission], gone: Callable[[], bool]
    ) -> list[BaseException | None]:
        """Decide commands of one caller, who needs no answers, and return the error of each.

        They share batches with each other and with everybody else. Raises `OverloadedError`.
        """
        return [entry.error for entry in self.batcher.submit_all(submissions, gone)]

    def _run(self, entries: Sequence[Entry[Submission, Answer]]) -> None:
        if self.telling is not None:
            self.telling.began(entries)
        try:
            self._commit(entries, is_patient=time.monotonic() >= self._patient_again_at)
        except ClockWrongError:
            raise
        except Exception as error:
            is_locked = isinstance(error, LockedError)
            if isinstance(error, StorageAwayError) and not isinstance(error, PeopleAwayError):
                self._note(error)
                if not is_locked:
                    raise
            if is_locked:
                self._patient_again_at = time.monotonic() + IMPATIENT_SECONDS
            if len(entries) == 1:
                entries[0].fail(error)
                return
            # One command's defect, bad luck, lock or people shall not fail the others.
            self._run_one_by_one(entries, is_patient=not is_locked)

    def _note(self, error: StorageAwayError) -> None:
        """Note why nothing can be written, for readiness."""
        self.failure = error
        if isinstance(error, FencedOffError) and not self._is_fenced_off:
            self._is_fenced_off = True  # One line is enough, as it stays so.
            log.error("replace this server", why=str(error))

    def _run_one_by_one(
        self, entries: Sequence[Entry[Submission, Answer]], *, is_patient: bool
    ) -> None:
        away: StorageAwayError | None = None
        give_up_at = time.monotonic() + SPLIT_SECONDS
        for entry in entries:
            if away is not None:  # To ask again for each would keep all of them waiting.
                entry.fail(away)
                continue
            try:
                self._commit((entry,), is_patient=is_patient)
            except LockedError as error:
                entry.fail(error)
                if time.monotonic() > give_up_at:
                    away = error
            except PeopleAwayError as error:
                entry.fail(error)
            except StorageAwayError as error:
                self.failure = away = error
                entry.fail(error)
            except Exception as error:  # noqa: BLE001 - it is an error of this command alone
                entry.fail(error)

    def _commit(self, entries: Sequence[Entry[Submission, Answer]], *, is_patient: bool) -> None:
        """Decide a batch again until it is committed, or fail after `TRIES` or `TRY_SECONDS`.

        A batch whose commit was lost is decided again, like one that read stale facts. If it was
        committed after all, every command finds its request record and is answered from it.
        An answer from a record waits until the record is as durable as any commit.
        """
        lost: CommitLostError | None = None
        give_up_at = time.monotonic() + TRY_SECONDS
        for attempt in range(TRIES):
            stopwatch = Stopwatch()
            try:
                return self._try_commit(entries, stopwatch, is_patient=is_patient)
            except StaleError:
                self._metrics.again("stale")
            except CommitLostError as error:
                lost = error
                self._metrics.again("commit_lost")
            except StorageAwayError:
                if lost is None:  # Nothing was done, which the caller shall know at once.
                    raise
            except ClockWrongError as error:
                if lost is None:
                    raise
                raise lost from error
            finally:  # Also of a try that failed, as far as it came.
                if self.telling is not None:
                    self.telling.tried(entries, stopwatch)
            if time.monotonic() > give_up_at:
                break
            time.sleep(random.uniform(0, PAUSE_SECONDS * 2**attempt))  # noqa: S311 - jitter
        raise lost or ContendedError

    def _try_commit(
        self,
        entries: Sequence[Entry[Submission, Answer]],
        stopwatch: Stopwatch,
        *,
        is_patient: bool,
    ) -> None:
        answers: list[Answer] = []
        try:
            with self._store.transaction(is_patient=is_patient):
                stopwatch.end(Phase.BEGIN)
                now = self._now()  # Not sooner: the transaction may have waited for a writer.
                loaded = self._store.load([entry.item.command for entry in entries])
                stopwatch.end(Phase.LOAD)
                batch = _Batch(loaded.facts, self._ring, self._markets, self._encode, now)
                answers += [_first(entry.result, batch.answer(entry.item)) for entry in entries]
                stopwatch.end(Phase.DECIDE)
                if batch.decisions or batch.records:
                    self._store.save(loaded, batch.decisions, batch.records, now)
                elif batch.rests_on_records:  # They may be on this server only, so far.
                    self._store.wait_like_a_write()
                stopwatch.end(Phase.SAVE)
            stopwatch.end(Phase.COMMIT)
        except CommitLostError:
            for entry, answer in zip(entries, answers, strict=True):
                entry.succeed(answer)  # Perhaps: the next try finds out.
            raise
        for entry, answer in zip(entries, answers, strict=True):
            entry.succeed(answer)
            if not answer.violations:  # No other malformed request is counted, either.
                self._metrics.answered(entry.item.method, answer.reason, replayed=answer.replayed)
        self._metrics.committed(len(entries), batch.decisions)
        if batch.decisions:
            self.tell_of_commit()
        if batch.decisions or batch.records:
            self.commits, self.failure = self.commits + 1, None


def _first(lost: Answer | None, found: Answer) -> Answer:
    """Return an answer whose commit was lost as the first answer, although its record is found."""
    if lost is not None and found == lost._replace(replayed=True):
        return lost
    return found


def _is_of(record: RequestRecord, ring_key: codes.Key, submission: Submission) -> bool:
    """Return whether a record is of the same request, in the form in which it was made."""
    method = submission.method
    if record.form is None:
        digest = codes.fingerprint(ring_key, method, submission.former())
        return hmac.compare_digest(record.fingerprint, digest)
    if record.form != FORM:
        raise FormUnknownError
    digest = codes.fingerprint(ring_key, method, submission.canonical, FORM)
    return hmac.compare_digest(record.meaning, digest)


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
        # Whether an answer follows from a record that another transaction has written.
        self.rests_on_records = False

    def answer(self, submission: Submission) -> Answer:
        """Answer a command from its record, or by deciding it now."""
        command = submission.command
        if not isinstance(command, Keyed):
            outcome = self._decide(command).outcome
            assert isinstance(
                outcome, CaughtUp | Acted | Declined
            )  # Validate has a reader of its own.
            reason = outcome.reason if isinstance(outcome, Declined) else None
            return Answer(b"", reason, "")
        record = self._record_of(command.key, submission.formerly)
        self.rests_on_records |= record is not None
        refused = self._refused(record, submission) if record else None
        if record is not None and refused is None:
            caller = record.key.caller
            return Answer(record.answer, record.reason, record.key_id, caller, replayed=True)
        if submission.throttled and (refused or not submission.mistakes_today):
            return Answer(b"", Reason.TOO_MANY_ATTEMPTS, "")
        if refused is not None:
            return Answer(self._encode(Declined(refused)), refused, "")
        return self._answer_anew(command, submission)

    def _record_of(self, key: RequestKey, formerly: tuple[str, ...]) -> RequestRecord | None:
        """Return the record of a request under a name of its caller, the present one first."""
        record = self._facts.requests.get(key)
        for name in formerly:
            record = record or self._facts.requests.get(key._replace(caller=name))
        return record

    def _answer_anew(self, command: Keyed, submission: Submission) -> Answer:
        if submission.mistakes_today:
            return Answer(b"", None, "", violations=submission.mistakes_today)
        try:
            decision = self._decide(command)
        except MalformedError as malformed:
            return Answer(b"", None, "", violations=((malformed.field, malformed.why),))
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
                    key_id=ring_key.key_id,
                    reason=reason,
                    answer=encoded,
                    authorization_id=made.authorization_id if made else None,
                    exercised_on=(
                        command.exercised_on
                        if isinstance(command, Reverse | Cancel | CancelPurchase)
                        else None
                    ),
                    form=FORM,
                    meaning=codes.fingerprint(
                        ring_key, submission.method, submission.canonical, FORM
                    ),
                )
            )
        for prevented in decision.prevents:
            self._keep(RequestRecord(prevented, Authorize.__name__, prevented=True))
        return Answer(encoded, reason, ring_key.key_id, command.key.caller)

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
        if self._ring.get(record.key_id) is None and record.key_id in self._ring.retired:
            return Reason.ANSWER_RETIRED
        ring_key = required_key(self._ring, record.key_id)
        if not _is_of(record, ring_key, submission):
            return Reason.REQUEST_ID_REUSED
        return None

    def _keep(self, record: RequestRecord) -> None:
        self._facts.requests[record.key] = record
        self.records.append(record)
