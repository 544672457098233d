"""Every exception that a call raises.

GiftCardError              all of them; `request_id` is the call's ("" for Validate)
├── Declined               a rule refused the request; nothing happened, unless `may_stand`
├── InvalidRequest         malformed; this try did nothing
├── Misconfigured          the service takes no such calls from here; this try did nothing
├── CannotResume           the log of events does not go on from the consumer's place
│   ├── GenerationChanged  the database was restored from a backup since
│   ├── PositionGone       the next events were removed
│   └── PositionAhead      nobody was ever given this position
└── OutcomeUnknown         no decided answer came; the request may have been, or may yet be, done
    ├── TimedOut           the deadline for all tries passed
    └── Unavailable        all tries found the service down, overloaded or contended

After OutcomeUnknown, send the same request again with the same `request_id`: a
decided request is answered again, and an undecided one is decided once. Or give
up an Authorize with `reverse(authorize_request_id=error.request_id)` (R36).

Most declines are final: the service records them, and answers them again. Some
leave no record, and the same request may be answered differently later. Of these,
CARD_NOT_FOUND and AUTHORIZATION_NOT_FOUND prove that nothing was granted under
the id before, and REQUEST_PREVENTED that nothing ever will be. TOO_MANY_ATTEMPTS
and REQUEST_ID_REUSED prove neither: an earlier try whose answer was lost may have
been granted, even by gRPC's own retries within one call. `Declined.may_stand` is
true for those; treat them like OutcomeUnknown. InvalidRequest and Misconfigured
say nothing about lost answers to earlier tries either.

No text here carries a code or a person (R30). All of them can be pickled, for
task queues that carry exceptions between processes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from giftcard_client.vocabulary import Reason

# The service answers with these without looking up an earlier try, which may have
# been granted. A newer service's reason may be another of them.
SAYS_NOTHING_OF_EARLIER_TRIES = frozenset(
    {Reason.TOO_MANY_ATTEMPTS, Reason.REQUEST_ID_REUSED, Reason.UNRECOGNIZED}
)


class GiftCardError(Exception):
    """A call that returned no result."""

    def __init__(self, explanation: str, request_id: str = "") -> None:
        """`explanation` is for people; programs look at the class and its attributes."""
        super().__init__(explanation, request_id)
        self.explanation = explanation
        self.request_id = request_id

    def __str__(self) -> str:
        """Say what happened and, for the logs, which request it was."""
        return (
            f"{self.explanation} [request {self.request_id}]"
            if self.request_id
            else self.explanation
        )


class Declined(GiftCardError):  # noqa: N818 - the word of the trade
    """A rule refused the request.

    `reason` is the first reason that applies; `name` is its spelling by the
    service, also where this client does not know it (`Reason.UNRECOGNIZED`).
    `facts` are details that a caller may act on, such as `expire_time` or
    `refundable_amount_minor`. `sentence` says the same for logs; what to tell a shopper is in
    `giftcard_client.decline_messages`. `retry_after` comes with TOO_MANY_ATTEMPTS.
    """

    def __init__(
        self,
        name: str,
        facts: Mapping[str, str] | None = None,
        retry_after: timedelta | None = None,
        request_id: str = "",
        sentence: str = "",
    ) -> None:
        """Look the reason up by its name; `sentence` is the service's, for people."""
        self.name = name
        self.reason = Reason(name) if name in Reason.__members__ else Reason.UNRECOGNIZED
        self.facts: Mapping[str, str] = dict(facts or {})
        self.retry_after = retry_after
        self.sentence = sentence
        listed = ", ".join(f"{fact}={value}" for fact, value in sorted(self.facts.items()))
        said = f"{name}: {sentence}" if sentence else name
        super().__init__(f"{said} ({listed})" if listed else said, request_id)

    @property
    def may_stand(self) -> bool:
        """Whether an earlier try under this request id may have been granted nevertheless.

        If there was an earlier try, undo it as after an OutcomeUnknown.
        """
        return self.reason in SAYS_NOTHING_OF_EARLIER_TRIES

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the arguments of `__init__`."""
        return type(self), (
            self.name,
            self.facts,
            self.retry_after,
            self.request_id,
            self.sentence,
        )


@dataclass(frozen=True, slots=True)
class Violation:
    """One mistake in a request: `field` as in the proto (`order.lines[0].amount`)."""

    field: str
    description: str


class InvalidRequest(GiftCardError):  # noqa: N818 - it describes the request
    """The request is malformed; `violations` are all its mistakes at once."""

    def __init__(self, violations: Sequence[Violation], request_id: str = "") -> None:
        """List every mistake in the text."""
        self.violations = tuple(violations)
        mistakes = "; ".join(f"{each.field}: {each.description}" for each in self.violations)
        explanation = f"malformed request: {mistakes}" if mistakes else "malformed request"
        super().__init__(explanation, request_id)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the arguments of `__init__`."""
        return type(self), (self.violations, self.request_id)


class Misconfigured(GiftCardError):  # noqa: N818 - it describes the client
    """Calls from here cannot work, for lack of credentials, permission, the RPC or a right target.

    A target that can never work is told when a client is made, before any call.
    """


class OutcomeUnknown(GiftCardError):  # noqa: N818 - the state the caller is in
    """No decided answer came: the request may have been carried out, or may be yet.

    `retry_after` is the wait that the service asked for, if it could.
    """

    def __init__(
        self, explanation: str, request_id: str = "", retry_after: timedelta | None = None
    ) -> None:
        """`retry_after` is None where the service did not say when to try again."""
        super().__init__(explanation, request_id)
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the arguments of `__init__`."""
        return type(self), (self.explanation, self.request_id, self.retry_after)


class TimedOut(OutcomeUnknown):
    """The deadline for all tries passed; the request may still be on its way."""


class Unavailable(OutcomeUnknown):
    """All tries found the service down, overloaded or contended; one may have been carried out."""


class CannotResume(GiftCardError):  # noqa: N818 - the state the consumer is in
    """The log of events does not go on from the consumer's place. To try again does not help.

    A person should look at it: docs/events.md says what to do.
    """


class GenerationChanged(CannotResume):
    """The database was restored from a backup since the consumer was last told something.

    What it was told after `last_common_position` is gone, as if it had never happened: it
    has to undo that, and to go on after this position, in the new `generation`.
    """

    def __init__(self, generation: str, last_common_position: int) -> None:
        """Name the present generation, and the last position that both have in common."""
        self.generation = generation
        self.last_common_position = last_common_position
        super().__init__(f"another generation, in common up to {last_common_position}")

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the arguments of `__init__`."""
        return type(self), (self.generation, self.last_common_position)


class PositionGone(CannotResume):
    """Events after the consumer's position were removed; `oldest_position` is left."""

    def __init__(self, oldest_position: int) -> None:
        """Name the oldest position that is left."""
        self.oldest_position = oldest_position
        super().__init__(f"the oldest position that is left is {oldest_position}")

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the arguments of `__init__`."""
        return type(self), (self.oldest_position,)


class PositionAhead(CannotResume):
    """Nobody was ever given the consumer's position; the log ends at `last_position`."""

    def __init__(self, last_position: int) -> None:
        """Name the last position of the log."""
        self.last_position = last_position
        super().__init__(f"the last position of the log is {last_position}")

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the arguments of `__init__`."""
        return type(self), (self.last_position,)
