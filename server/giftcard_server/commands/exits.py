"""How the server's commands end where they must not go on: with a sentence and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from giftcard_server.errors import EXIT_REFUSED, SettingsError, StartRefusedError
from giftcard_server.settings import Settings
from giftcard_server.settings_reading import doubts, read_settings
from giftcard_storage.errors import StorageError


def refuse(why: str, what: str) -> NoReturn:
    """End the command, because it cannot do `what`."""
    print(f"giftcard cannot {what}:\n{why}", file=sys.stderr)  # noqa: T201 - before there is a log
    sys.exit(EXIT_REFUSED)


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """End the command where a server could not start, or where storage refuses or fails."""
    try:
        yield
    except (StartRefusedError, StorageError) as error:
        refuse(str(error), what)


def settings_or_refuse(read: Callable[[], Settings] = read_settings) -> Settings:
    """Return the settings that a server would read, or end the command with their mistakes."""
    try:
        return read()
    except SettingsError as error:
        # A mistake is often a variable that is misspelt, so that its setting is not there.
        refuse("\n".join([str(error), *doubts()]), "start")
