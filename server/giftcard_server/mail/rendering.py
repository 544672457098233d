"""From a letter to the e-mail: HTML and text in the language of the addressee."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage

from giftcard_server.mail.letter import Letter


class LetterIncompleteError(ValueError):
    """A letter lacks a field that its kind needs. The text names the field, never a value."""


class Renderer:
    """Writes letters. It is thread-safe; each template is read once."""

    def render(
        self,
        letter: Letter,
        *,
        message_id: str,
        date: datetime,
        sender: Address,
        recipient: Address,
    ) -> EmailMessage:
        """Return the message with its headers: From, To, Date, Message-ID, Auto-Submitted.

        `message_id` is the whole value of the header, with its angle brackets. Raises
        `LetterIncompleteError`. `giftcard_server.mail.addresses.mailbox` makes the addresses.
        """
        raise NotImplementedError
