"""A command on its way to a decision, and the answer that comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from giftcard_rules.act_commands import ActOnCard
from giftcard_rules.person_acts import ActOnPeople

if TYPE_CHECKING:
    from collections.abc import Callable

    from giftcard_rules.commands import Command
    from giftcard_rules.reasons import Reason


@dataclass(frozen=True, slots=True)
class Submission:
    """A command, and the `canonical` bytes of its request, which its record digests.

    The digest tells a replay from another request with the same id. `former` returns the request in
    the form that the first records digest. `mistakes_today` are
    violations for which the request is malformed unless a record answers it. `formerly` are former
    names of the caller: a record under one of them answers the request, too. A `throttled`
    caller gets an answer that was decided before, since a replay is no guess, and no new one.
    """

    command: Command
    canonical: bytes = field(default=b"", repr=False)
    former: Callable[[], bytes] = field(default=bytes, repr=False)
    mistakes_today: tuple[tuple[str, str], ...] = ()
    formerly: tuple[str, ...] = ()
    throttled: bool = False

    @property
    def method(self) -> str:
        """The name of the RPC."""
        command = self.command
        # An act is its own RPC's, whether it is done or proposed.
        if isinstance(command, ActOnCard | ActOnPeople):
            return command.method
        return type(command).__name__


class Answer(NamedTuple):
    """A decided answer, encoded as its record keeps it. `reason` says why it was declined.

    A code in it is derived from the key `key_id` of the ring, and from `caller`: the name that the
    caller had when it was decided.

    The refusal of a throttled call is not encoded: the edge does so, which knows the wait.
    `violations` are of a request that turned out to be malformed; it has no other answer.
    """

    encoded: bytes
    reason: Reason | None
    key_id: str
    caller: str = ""
    replayed: bool = False
    violations: tuple[tuple[str, str], ...] = ()
