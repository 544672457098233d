"""Skips tests that move a process's clock (`practice_clock`) where Debian's tool is missing."""

import pytest

from practice_clock import LIBRARIES, MISSING

needs_faketime = pytest.mark.skipif(not LIBRARIES, reason=MISSING)
