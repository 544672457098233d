"""Requests to the model, its declines, and checks that several rules share."""

from typing import Final, NamedTuple

from giftcard_client.histories.model.world import Card, View
from giftcard_client.histories.recording.plain import Plain
from giftcard_client.vocabulary import Reason

# A decline for one of these leaves no record: the same request may be answered otherwise later.
LEAVES_NO_TRACE: Final = frozenset(
    {
        Reason.TOO_MANY_ATTEMPTS,
        Reason.REQUEST_ID_REUSED,
        Reason.REQUEST_PREVENTED,
        Reason.CARD_NOT_FOUND,
        Reason.AUTHORIZATION_NOT_FOUND,
    }
)
# Instead of a reason: the request was decided before, and this must be the same answer again.
REPLAY: Final = "the answer that was given before"


class Asked(NamedTuple):
    """A request to decide. `card_id` is the card of its code.

    `made_card` and `made_hold` are the ids of what is made, should it be granted, and `reason` is
    why it was declined, should it have been; `watched` where others look at its record.
    """

    method: str
    request: Plain
    key: tuple[str, str]
    fingerprint: str
    card_id: str
    made_card: str
    made_hold: str
    reason: str
    watched: bool
    is_answered: bool


class Declined(Exception):  # noqa: N818 - it reads as what happened
    """A rule said no."""

    def __init__(self, reason: str, **details: object) -> None:
        """Decline for a reason, with the details that a caller may act on."""
        super().__init__(reason)
        self.reason = reason
        self.details = {name: str(detail) for name, detail in details.items()}


def decline_where(*checks: tuple[str, bool]) -> None:
    """Decline for the first reason that applies."""
    for reason, applies in checks:
        if applies:
            raise Declined(reason)


def of_code(view: View, asked: Asked) -> Card:
    """Return the card whose code a request has."""
    card = view.card(asked.card_id)
    if card is None:
        raise Declined(Reason.CARD_NOT_FOUND)
    return card


def spent(view: View, card: Card) -> tuple[tuple[str, bool], ...]:
    """Return why a card cannot be used any more, in order of precedence."""
    return (
        (Reason.CARD_CANCELLED, card.state == "CANCELLED"),
        (Reason.CARD_REDEEMED, card.state == "REDEEMED"),
        # Also one that is still held: what is held can be captured, and no more (R33).
        (Reason.CARD_EXPIRED, card.state == "EXPIRED" or card.expires <= view.now),
    )


def is_over(view: View, over: tuple[int, int], asked: Asked, reason: str) -> bool:
    """Return whether a period is over; where holidays decide, as the answer has it."""
    earliest, latest = over
    return view.now >= (latest if asked.reason != reason else earliest)
