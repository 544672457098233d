"""The value that a caller may issue within an hour, counted in slices of five minutes."""

from datetime import timedelta

import pytest

from giftcard_rules.ceilings import IssuedValue, require_below_ceiling, slice_of, within_the_hour
from giftcard_rules.reasons import DeclinedError, Reason
from given.made_facts import NOW

MINUTE = timedelta(minutes=1)


def issued(minutes_ago: float, amount_minor: int) -> IssuedValue:
    return IssuedValue("shop", "fr", slice_of(NOW - minutes_ago * MINUTE), amount_minor)


@pytest.mark.parametrize(
    ("before", "within_minor"),
    [
        ([], 0),
        ([(0, 100), (59, 30)], 130),
        ([(65.1, 100), (3, 7)], 7),
        ([(180, 100)], 0),
        ([(-2, 100)], 100),  # Another server's clock is a little ahead.
    ],
)
def test_what_was_issued_within_the_hour_counts(
    before: list[tuple[float, int]], within_minor: int
) -> None:
    assert within_the_hour([issued(*each) for each in before], NOW) == within_minor


@pytest.mark.parametrize("minutes_ago", range(60))
def test_nothing_within_the_hour_is_left_out(minutes_ago: int) -> None:
    assert within_the_hour([issued(minutes_ago, 1)], NOW) == 1


@pytest.mark.parametrize(
    ("ceiling_minor", "amount_minor", "reason"),
    [
        (None, 10**12, None),
        (150, 50, None),
        (150, 51, Reason.ISSUE_CEILING_REACHED),
        (99, 1, Reason.ISSUE_CEILING_REACHED),
    ],
)
def test_a_card_that_would_exceed_the_ceiling_is_declined(
    ceiling_minor: int | None, amount_minor: int, reason: Reason | None
) -> None:
    declined_for = None
    try:
        require_below_ceiling([issued(10, 100)], amount_minor, ceiling_minor, NOW)
    except DeclinedError as declined:
        declined_for = declined.reason
    assert declined_for is reason
