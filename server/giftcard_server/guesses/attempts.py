"""Attempts at codes: which callers have to wait, which attempts count, and when answers leave."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from giftcard_rules.reasons import Reason
from giftcard_server.guesses.even_answers import TURNED_DOWN, EvenAnswers
from giftcard_server.guesses.metrics import AttemptMetrics
from giftcard_server.guesses.shared_windows import SharedWindows
from giftcard_server.guesses.throttle import Limits, Throttle

if TYPE_CHECKING:
    import grpc
    from prometheus_client import CollectorRegistry

    from giftcard_rules.codes import KeyRing
    from giftcard_server.guesses.settings import GuessSettings
    from giftcard_server.process.alarms import Alarms
    from giftcard_server.process.waits import Steps


class Attempt(NamedTuple):
    """A call that names a card by its code.

    `method` is the RPC, and `arrived_at` the time of its arrival by the monotonic clock.
    `attempt_key` is None where the RPC has none, and `is_looked_up` False for what is no code.
    """

    method: str
    arrived_at: float
    caller: str
    attempt_key: str | None
    is_looked_up: bool


class Attempts:
    """Limits guesses at codes, and makes their refusals take equally long."""

    def __init__(self, throttle: Throttle, even_answers: EvenAnswers) -> None:
        self._throttle = throttle
        self._even_answers = even_answers

    def wait(self, attempt: Attempt) -> timedelta | None:
        """Return how long the caller has to wait, None if it need not."""
        return self._throttle.wait(attempt.caller, attempt.attempt_key)

    def answered(
        self, attempt: Attempt, reason: Reason | None, context: grpc.ServicerContext
    ) -> Steps[None]:
        """Count an attempt that failed, and hold its refusal back for as long as any other.

        What is no code was never looked up and reveals nothing, so it is not counted.
        """
        if reason is Reason.CARD_NOT_FOUND and attempt.is_looked_up:
            self._throttle.failed(attempt.method, attempt.caller, attempt.attempt_key)
        if reason in TURNED_DOWN and context.is_active():
            is_tripped = self._throttle.is_tripped(attempt.caller)
            yield from self._even_answers.hold_back(
                attempt.arrived_at, context.time_remaining(), is_tripped=is_tripped
            )

    def show(self) -> None:
        """Update the gauges."""
        self._throttle.show()


def attempts_of(
    settings: GuessSettings,
    ring: KeyRing,
    registry: CollectorRegistry,
    places: int,
    alarms: Alarms,
) -> Attempts:
    """Return the attempts that the settings describe. Raises `StartRefusedError`.

    `places` is how many refusals may be held back at a time in threads of their calls. Those of
    parked calls are held back in `alarms`.
    """
    metrics = AttemptMetrics(registry)
    url = settings.attempts_redis_url
    limits = Limits(
        settings.attempts_per_key,
        settings.attempts_per_caller,
        settings.attempts_in_all,
        timedelta(seconds=settings.attempt_window_seconds),
    )
    shared = SharedWindows(url, registry) if url else None
    throttle = Throttle(limits, ring.first, metrics, shared)
    even_answers = EvenAnswers(
        settings.attempt_floor_seconds,
        settings.attempt_floor_tripped_seconds,
        places,
        alarms,
    )
    return Attempts(throttle, even_answers)
