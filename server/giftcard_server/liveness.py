"""Asks the server on this machine whether it lives, for containers: exit code 0 if it does.

`python -m giftcard_server.liveness`; GIFTCARD_HTTP_LISTEN says where. It imports next to
nothing, since it starts anew for each question.
"""

from __future__ import annotations

import os
import ssl
import sys
import urllib.request
from http.client import HTTPException
from typing import Final

TIMEOUT_SECONDS: Final = 2.0
# Whoever answers on our own port is ourselves, whatever names the certificate has.
_OURSELVES: Final = ssl._create_unverified_context()  # noqa: S323, SLF001 - as the line above says
_ANY: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - where it listens, not we


def is_alive(listen: str) -> bool:
    """Return whether `host:port` answers, with TLS or without."""
    host, _, port = listen.rpartition(":")
    for scheme in ("http", "https"):
        url = f"{scheme}://{_ANY.get(host, host)}:{port}/healthz"
        try:
            with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS, context=_OURSELVES):  # noqa: S310 - it is one of the two
                return True
        except (OSError, HTTPException):  # It speaks the other one, or does not speak at all.
            continue
    return False


if __name__ == "__main__":
    sys.exit(not is_alive(os.environ.get("GIFTCARD_HTTP_LISTEN", "127.0.0.1:9464")))
