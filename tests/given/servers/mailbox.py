"""A mail server that takes every message and keeps it, for tests of what arrives."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Final, NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

TAKEN: Final = "250 OK"


class Arrived(NamedTuple):
    """A message, and the address that it was handed over for."""

    recipient: str
    message: EmailMessage

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def text(self) -> str:
        """The part without HTML."""
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content())


class Mailbox:
    """What has arrived, by any number of servers. `reply` may answer otherwise than with 250.

    `reply` is called with the address of each message; one that it refuses is not kept, unless
    `keeps_refused`, as of a mail server whose answer is lost.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrived: list[Arrived] = []
        self.reply: Callable[[str], str] = lambda _recipient: TAKEN
        self.keeps_refused = False
        self.port = 0

    @property
    def arrived(self) -> list[Arrived]:
        with self._lock:
            return list(self._arrived)

    def of(self, delivery_id: str) -> list[Arrived]:
        """Return what has arrived of a delivery."""
        return [each for each in self.arrived if each.message_id.startswith(f"<{delivery_id}@")]

    async def handle_DATA(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        (recipient,) = envelope.rcpt_tos
        reply = self.reply(recipient)
        if reply == TAKEN or self.keeps_refused:
            with self._lock:
                self._arrived.append(Arrived(recipient, message))
        return reply

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a server that mails by it."""
        return {
            "mail": "smtp",
            "smtp_host": "127.0.0.1",
            "smtp_port": self.port,
            "smtp_security": "none",
            "markets": {"fr": {"sender_address": "cards@shop.example"}},
        }

    @property
    def environment(self) -> Mapping[str, str]:
        """The same for a process of its own, but for the markets, which stand in a file."""
        names = ("mail", "smtp_host", "smtp_port", "smtp_security")
        return {f"GIFTCARD_{name.upper()}": str(self.settings[name]) for name in names}


class _OnAnyPort(Controller):
    """A controller that learns its port from the system."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Run a mail server on a port of loopback."""
    box = Mailbox()
    controller = _OnAnyPort(box, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        box.port = controller.port
        yield box
    finally:
        controller.stop()
