"""The e-mails of the demo's server, which writes them to files as it has no relay."""

import time
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

WITHIN_SECONDS = 20.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Letters:
    """The folder in which the server writes its e-mails, one file for each."""

    folder: Path

    def to(self, address: str) -> list[EmailMessage]:
        """Return the e-mails to an address that are there by now."""
        found = [
            message_from_bytes(path.read_bytes(), policy=policy.default)
            for path in sorted(self.folder.glob("*.eml"))
        ]
        return [each for each in found if address in str(each["To"])]

    def wait_for(self, address: str) -> EmailMessage | None:
        """Return the first e-mail to an address, once it is there; None if that takes too long."""
        until = time.monotonic() + WITHIN_SECONDS
        while time.monotonic() < until:
            for message in self.to(address):
                return message
            time.sleep(LOOK_SECONDS)
        return None


def text_of(message: EmailMessage) -> str:
    """Return the text part of an e-mail."""
    part = message.get_body(("plain",))
    return "" if part is None else str(part.get_content())


def subject_of(message: EmailMessage) -> str:
    """Return the subject of an e-mail."""
    return str(message["Subject"]).strip()
