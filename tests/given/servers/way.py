"""In which way the servers of tests let calls wait: parked, or in threads.

    PARK_CALLS=false make test

runs every test on the way that a server falls back to where it does not know its grpcio.
"""

import os
from typing import Any, Final

_NAME: Final = "PARK_CALLS"
# As a setting, and as a variable of the environment; empty for the default.
WAY: Final[dict[str, Any]] = {_NAME.lower(): os.environ[_NAME]} if _NAME in os.environ else {}
VARIABLES: Final[dict[str, str]] = {
    f"GIFTCARD_{name.upper()}": value for name, value in WAY.items()
}
