"""The times at which random lives begin, and the steps by which their time passes."""

from datetime import timedelta

from hypothesis import strategies as st

from given.model.random_wishes import seldom

MICROSECOND = timedelta(microseconds=1)
JUMPS = seldom(
    [timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(hours=12)],
    [
        MICROSECOND,
        timedelta(days=1) - MICROSECOND,
        timedelta(days=1),
        timedelta(days=7),
        timedelta(days=14),
        timedelta(days=20),
        timedelta(days=61),
        timedelta(days=183),
    ],
)
# Before, at and after the day from which Belgium has other terms.
STARTS = st.builds(
    lambda days, hours: timedelta(days=days, hours=hours),
    st.sampled_from([150, 0, 108, 200, 90, 300]),
    st.integers(0, 47),
)
