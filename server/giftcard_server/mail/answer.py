"""What became of a message that was handed over."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Outcome(enum.Enum):
    """What became of a message."""

    SENT = "sent"  # The relay took it over, or it lies in the folder.
    DEFERRED = "deferred"  # Try again later; it may have arrived all the same.
    REFUSED = "refused"  # Another try would be refused as well.


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a message; `smtp_code` is the relay's reply, None where there was none.

    `reason` is a text of our own, empty for what was sent. It holds no address, and nothing that
    the relay said beyond its codes, since relays quote addresses.
    """

    outcome: Outcome
    smtp_code: int | None = None
    reason: str = ""
    # It did not get as far as the message, so that no other one would leave either.
    is_about_relay: bool = False
