"""The health check of a container: exit code 0 if the server on this machine answers.

`python -m giftcard_server.liveness` asks at GIFTCARD_HTTP_LISTEN. It imports as little as
possible, since it is a new process each time.
"""

from __future__ import annotations

import os
import ssl
import sys
import urllib.request
from http.client import HTTPException
from typing import Final

SCHEMES: Final = ("http", "https")
# For each scheme: both, and the start of this process, fit into the health check's own time.
TIMEOUT_SECONDS: Final = 1.0
# This machine asks its own port, so the names in the certificate need no check.
_OURSELVES: Final = ssl._create_unverified_context()  # noqa: S323, SLF001 - see above
_ANY: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - addresses that servers listen on


def is_alive(listen: str) -> bool:
    """Return whether `host:port` answers, with TLS or without."""
    host, _, port = listen.rpartition(":")
    for scheme in SCHEMES:
        url = f"{scheme}://{_ANY.get(host, host)}:{port}/healthz"
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS, context=_OURSELVES):  # noqa: S310 - one of the two schemes
                return True
        except (OSError, HTTPException):  # It uses the other scheme, or does not answer at all.
            continue
    return False


if __name__ == "__main__":
    sys.exit(not is_alive(os.environ.get("GIFTCARD_HTTP_LISTEN", "127.0.0.1:9464")))
