"""Messages that tests send, by transports to their own SMTP servers."""

from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

from giftcard_server.mail.answer import Outcome
from giftcard_server.mail.smtp import SmtpTransport
from given.servers.running import settings
from given.servers.smtp_server import SmtpServer

SECRET: Final = "9T4M-CANA-RYCO-DEXX"
RECIPIENT: Final = "zoe@example.org"
# For servers that hang.
IMPATIENT: Final = {"smtp_step_seconds": 0.3}


def message(to: str = RECIPIENT) -> EmailMessage:
    """Return a message with a code, and with texts that relays may damage."""
    made = EmailMessage()
    made["From"] = Address("La Boutique", addr_spec="cards@shop.example")
    made["To"] = to
    made["Subject"] = "Votre carte cadeau — 50 €"
    made["Message-ID"] = "<1@shop.example>"
    made.set_content(f"Voilà votre code : {SECRET}\n.\n..deux points, puis la fin\n")
    made.add_alternative(f"<p>Voilà votre code : <b>{SECRET}</b> 🎁</p>", subtype="html")
    return made


class Sending:
    """A transport to a server, and the classes of its answers."""

    def __init__(self, server: SmtpServer, folder: Path, **changes: Any) -> None:
        """Make the transport; `changes` are further settings."""
        self.classes: list[str] = []
        self.transport = SmtpTransport(
            settings(folder, **{**server.settings, **changes}), self.classes.append
        )

    def __call__(self, to: str = RECIPIENT) -> tuple[Outcome, int | None, str]:
        """Send a message, and return its answer as a tuple."""
        answer = self.transport.send(message(to), to)
        return answer.outcome, answer.smtp_code, answer.reason
