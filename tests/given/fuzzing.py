"""How far the fuzzers go: a little in every run, and FUZZ_TIMES as far by `make fuzz`."""

import os
from typing import Final

from hypothesis import HealthCheck, settings

TIMES: Final = int(os.environ.get("FUZZ_TIMES", "1"))


def bounded(examples: int) -> settings:
    """Return settings for a property that is tried with so many examples in every run."""
    return settings(
        max_examples=examples * TIMES, deadline=None, suppress_health_check=list(HealthCheck)
    )
