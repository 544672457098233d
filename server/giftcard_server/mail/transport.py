"""How a message leaves: what every way of sending has in common, and the way of each market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from giftcard_server.mail.answer import Answer, Outcome
from giftcard_server.mail.folder import FolderTransport
from giftcard_server.mail.smtp import SmtpTransport
from giftcard_server.mail_settings import MailWay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from email.message import EmailMessage

    from giftcard_server.settings import Settings

__all__ = ["Answer", "Outcome", "Transport", "transports_of"]


class Transport(Protocol):
    """A way for messages to leave. Any number of threads may use it."""

    def send(self, message: EmailMessage, recipient: str) -> Answer:
        """Send a message to one address, from the address of its From. Never raises."""

    def close(self) -> None:
        """Close what is open. A message that is sent afterwards opens it again."""


def transports_of(
    settings: Settings, tell: Callable[[str], object] = lambda _class: None
) -> Mapping[str, Transport | None]:
    """Return the transport of each market, None for one whose cards are not mailed by us.

    Markets share a transport where they leave the same way. `tell` is called with the class of
    each answer of the relay, one of `smtp.CLASSES`: "2xx", "4xx", "5xx", or "none" without one.
    Raises OSError where the settings name certificates that cannot be read.
    """
    make: dict[MailWay, Callable[[], Transport | None]] = {
        MailWay.SMTP: lambda: SmtpTransport(settings, tell),
        MailWay.FOLDER: lambda: FolderTransport(settings.mail_folder),
        MailWay.NONE: lambda: None,
    }
    way_of = {name: settings.mail_of(name) for name in settings.known_markets}
    transports = {way: make[way]() for way in sorted(set(way_of.values()))}
    return {name: transports[way] for name, way in way_of.items()}
