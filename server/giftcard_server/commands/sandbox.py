"""`giftcard sandbox`: a server for tests, on a database of its own."""

from __future__ import annotations

import os
from typing import Final

from giftcard_server.commands.serve import serve

DATABASE_URL: Final = "GIFTCARD_DATABASE_URL"
OWN_DATABASE: Final = "sqlite:///giftcard-sandbox.db"


def sandbox() -> None:
    """Serve gift cards for tests until SIGTERM, with a clock that can be moved forward.

    Its database is giftcard-sandbox.db in this folder, or what GIFTCARD_DATABASE_URL names, which
    must be new or a sandbox's. The other settings are those of `giftcard serve`.
    """
    # In the environment, which wins over the file: that one's database may be a real one.
    os.environ.setdefault(DATABASE_URL, OWN_DATABASE)
    serve(workers=None, new_database=False, sandbox=True)
