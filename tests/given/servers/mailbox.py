"""What arrives by a real SMTP server without TLS, which relays on this machine may do without."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any, NamedTuple

from given.servers.certificates import Authority
from given.servers.smtp_server import SmtpServer


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
        assert isinstance(body, EmailMessage)
        return str(body.get_content())


class Mailbox:
    """Everything that has arrived, of any number of servers. `relay` may be told to misbehave."""

    def __init__(self, relay: SmtpServer) -> None:
        self.relay = relay
        self._parsed: list[Arrived] = []

    def __len__(self) -> int:
        return len(self.relay.received)

    @property
    def arrived(self) -> list[Arrived]:
        for each in self.relay.received[len(self._parsed) :]:
            (recipient,) = each.recipients
            self._parsed.append(Arrived(recipient, each.message))
        return self._parsed

    def of(self, delivery_id: str) -> list[Arrived]:
        """Return what has arrived of a delivery."""
        return [each for each in self.arrived if each.message_id.startswith(f"<{delivery_id}@")]

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a server that mails by it."""
        return {
            "mail": "smtp",
            "smtp_host": "127.0.0.1",
            "smtp_port": self.relay.port,
            "smtp_security": "none",
            "markets": {"fr": {"sender_address": "cards@shop.example"}},
        }

    @property
    def environment(self) -> Mapping[str, str]:
        """The same for a process of its own, but for the markets, which stand in a file."""
        names = ("mail", "smtp_host", "smtp_port", "smtp_security")
        return {f"GIFTCARD_{name.upper()}": str(self.settings[name]) for name in names}


@contextmanager
def mailbox(folder: Path) -> Iterator[Mailbox]:
    """Run a mail server on a port of loopback; its certificate lies in a folder, for nobody."""
    with SmtpServer(Authority(folder, "authority"), security="none") as relay:
        yield Mailbox(relay)
