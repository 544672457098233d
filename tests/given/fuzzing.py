"""How many examples the fuzzers try: a few in every run, FUZZ_TIMES as many by `make fuzz`."""

import os
from typing import Final

from hypothesis import HealthCheck, settings

TIMES: Final = int(os.environ.get("FUZZ_TIMES", "1"))


def bounded(examples: int) -> settings:
    """Return settings for a property that is tried with this many examples in every run."""
    return settings(
        max_examples=examples * TIMES, deadline=None, suppress_health_check=list(HealthCheck)
    )
