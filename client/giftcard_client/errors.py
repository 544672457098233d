"""Every exception that a call raises.

GiftCardError              all of them; `request_id` is the call's ("" for Validate)
├── Declined               a rule said no; nothing happened, unless `may_stand`
├── InvalidRequest         malformed; this try did nothing
├── Misconfigured          the service takes no such calls from here; this try did nothing
└── OutcomeUnknown         no decided answer came; it may have happened, or happen yet
    ├── TimedOut           the deadline for all tries passed
    └── Unavailable        all tries found the service away, overloaded or contended

After OutcomeUnknown send the same again with the same `request_id`: what was
decided is answered again, and what was not is decided once. Or give up an
Authorize with `reverse(authorize_request_id=error.request_id)` (R36).

Most declines are final: the service keeps them, and answers them again. Some
leave no trace, and the same request may be answered differently later. Of these
CARD_NOT_FOUND and AUTHORIZATION_NOT_FOUND come only where nothing was granted
under the id before, and REQUEST_PREVENTED only where nothing ever will be.
TOO_MANY_ATTEMPTS and REQUEST_ID_REUSED say nothing about that: an earlier try
whose answer was lost may have been granted, by gRPC's own retries within one
call even. `Declined.may_stand` tells them apart; then it is as after OutcomeUnknown.
What was lost before an InvalidRequest or Misconfigured is unknown as well.

No text here carries a code or a person (R30). All of them can be pickled, for
task queues that carry exceptions between processes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from giftcard_client.vocabulary import Reason

# Said without the answer to an earlier try, so that it may have been a yes. A
# newer service's reason may be another of them.
SAYS_NOTHING_OF_EARLIER_TRIES = frozenset(
    {Reason.TOO_MANY_ATTEMPTS, Reason.REQUEST_ID_REUSED, Reason.UNRECOGNIZED}
)


class GiftCardError(Exception):
    """A call that brought no result."""

    def __init__(self, explanation: str, request_id: str = "") -> None:
        """`explanation` is for people; programs look at the class and its attributes."""
        super().__init__(explanation, request_id)
        self.explanation = explanation
        self.request_id = request_id

    def __str__(self) -> str:
        """Say what happened and, for the logs, to which request."""
        return (
            f"{self.explanation} [request {self.request_id}]"
            if self.request_id
            else self.explanation
        )


class Declined(GiftCardError):  # noqa: N818 - the word of the trade
    """A rule said no.

    `reason` is the one reason that applies first; `name` is how the service
    spelt it, also where this client does not know it (`Reason.UNRECOGNIZED`).
    `facts` are what a caller may act on, such as `expire_time` or
    `refundable_amount_minor`. `retry_after` is there for TOO_MANY_ATTEMPTS.
    """

    def __init__(
        self,
        name: str,
        facts: Mapping[str, str] | None = None,
        retry_after: timedelta | None = None,
        request_id: str = "",
    ) -> None:
        """Read the reason out of its name."""
        self.name = name
        self.reason = Reason(name) if name in Reason.__members__ else Reason.UNRECOGNIZED
        self.facts: Mapping[str, str] = dict(facts or {})
        self.retry_after = retry_after
        told = ", ".join(f"{fact}={value}" for fact, value in sorted(self.facts.items()))
        super().__init__(f"{name} ({told})" if told else name, request_id)

    @property
    def may_stand(self) -> bool:
        """Whether an earlier try under this request id may have been done all the same.

        Undo it like an OutcomeUnknown, if there was any earlier try.
        """
        return self.reason in SAYS_NOTHING_OF_EARLIER_TRIES

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by what it was made of."""
        return type(self), (self.name, self.facts, self.retry_after, self.request_id)


@dataclass(frozen=True, slots=True)
class Violation:
    """One mistake in a request: `field` as in the proto (`order.lines[0].amount`)."""

    field: str
    description: str


class InvalidRequest(GiftCardError):  # noqa: N818 - said of the request
    """The request is malformed; `violations` are all its mistakes at once."""

    def __init__(self, violations: Sequence[Violation], request_id: str = "") -> None:
        """List every mistake in the text."""
        self.violations = tuple(violations)
        told = "; ".join(f"{mistake.field}: {mistake.description}" for mistake in self.violations)
        super().__init__(f"malformed request: {told}" if told else "malformed request", request_id)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by what it was made of."""
        return type(self), (self.violations, self.request_id)


class Misconfigured(GiftCardError):  # noqa: N818 - said of the client
    """The service does not take this call from here: credentials, permission, or its version."""


class OutcomeUnknown(GiftCardError):  # noqa: N818 - the state the caller is in
    """No decided answer came, so it may have happened, or happen yet.

    `retry_after` is what the service asked for, if it could.
    """

    def __init__(
        self, explanation: str, request_id: str = "", retry_after: timedelta | None = None
    ) -> None:
        """`retry_after` is None where nobody said when to come back."""
        super().__init__(explanation, request_id)
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by what it was made of."""
        return type(self), (self.explanation, self.request_id, self.retry_after)


class TimedOut(OutcomeUnknown):
    """The deadline for all tries passed; the request may still be on its way."""


class Unavailable(OutcomeUnknown):
    """All tries found the service away, overloaded or contended; one of them may have counted."""
