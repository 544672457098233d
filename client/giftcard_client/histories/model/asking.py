"""Requests to the model, its declines, and checks that several rules share."""

from datetime import date
from typing import Final, NamedTuple

from giftcard_client.histories.model.terms import Terms
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


def is_over(
    view: View,
    over: tuple[int, int],
    asked: Asked,
    reason: str,
    terms: Terms,
    exercised_on: str | None,
) -> bool:
    """Return whether a period was over when a right was exercised, now unless a day is told.

    Where holidays decide, it is as the answer has it.
    """
    earliest, latest = over
    at = view.now if exercised_on is None else terms.begin_of(date.fromisoformat(exercised_on))
    return at >= (latest if asked.reason != reason else earliest)


def is_no_day(view: View, earliest: int, terms: Terms, exercised_on: str | None) -> bool:
    """Return whether a right cannot have been exercised on a day (R21, R25)."""
    if exercised_on is None:
        return False
    day = date.fromisoformat(exercised_on)
    return not terms.day_of(earliest) <= day <= terms.day_of(view.now)
