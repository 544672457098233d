"""Messages as files beside the embedded database, for whoever develops or shows the service."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from giftcard_server.keys import whole_files
from giftcard_server.mail.answer import Answer, Outcome
from giftcard_server.mail.wire import message_bytes

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path

_OWNER_ALONE: Final = 0o700


class FolderTransport:
    """Writes each message to a file of its own, which only the owner may read.

    The names are in the order of the messages and tell nothing of them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: EmailMessage, recipient: str) -> Answer:  # noqa: ARG002 - the signature of all transports
        """Write a message; whom it is for stands in its own To."""
        written_at = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        path = self._folder / f"{written_at}-{secrets.token_hex(4)}.eml"
        try:
            self._folder.mkdir(mode=_OWNER_ALONE, exist_ok=True)
            whole_files.create(path, message_bytes(message, utf8=True), whole_files.OWNER_ALONE)
        except OSError as error:
            why = error.strerror or type(error).__name__
            why = f"the folder cannot be written: {why}"
            return Answer(Outcome.DEFERRED, reason=why, is_about_relay=True)
        return Answer(Outcome.SENT)

    def close(self) -> None:
        """Do nothing, as no file stays open."""
