"""`giftcard mail test`: one real message, as the cards of a market leave, and what was answered."""

from __future__ import annotations

from contextlib import closing
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import localtime, make_msgid
from typing import TYPE_CHECKING, Annotated

import typer

from giftcard_server.commands.answers import Output, OutputFormat, answering
from giftcard_server.commands.exits import refuse, settings_or_refuse
from giftcard_server.mail.answer import Outcome
from giftcard_server.mail.smtp import Attempt, SmtpTransport
from giftcard_server.mail.transport import transports_of

if TYPE_CHECKING:
    from giftcard_server.mail.transport import Transport
    from giftcard_server.mail_settings import Sender
    from giftcard_server.settings import Settings

_WHAT = "send a test"
EXIT_NOT_SENT = 1


def send_test(
    address: Annotated[str, typer.Argument(help="To whom the message goes, such as yourself.")],
    market: Annotated[str, typer.Option(help="As whose cards the message leaves.")] = "fr",
    *,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Send one real message as a market's cards leave, and show what the relay answered.

    Reads the settings as a server does. Ends with 1 where the message was not sent.
    """
    settings = settings_or_refuse()
    transport = _transport(settings, market)
    message = _message(settings.sender_of(market), address, market)
    with closing(transport):
        attempt = _attempt(transport, message, address)
    outcome, reason = attempt.answer.outcome, attempt.answer.reason
    is_sent = outcome is Outcome.SENT
    folder = None if attempt.said else settings.mail_folder
    where = f" to {folder}" if folder else ""
    said = f"\nthe relay said: {_printable(attempt.said)}" if attempt.said else ""
    with answering(output) as answered:
        shown = f"sent{where}" if is_sent else f"{outcome.value}: {reason}"
        facts = {"outcome": outcome, "reason": reason, "folder": folder}
        answered.say(f"{shown}{said}", **facts, relay_said=attempt.said or None)
    raise typer.Exit(0 if is_sent else EXIT_NOT_SENT)


def _transport(settings: Settings, market: str) -> Transport:
    """Return how a market's messages leave, or end the command."""
    if market not in settings.known_markets:
        refuse(f"the markets are {', '.join(settings.known_markets)}", _WHAT)
    transport = transports_of(settings)[market]
    if transport is None:
        refuse(f'markets.{market}.mail is not set, or "none": its cards are not mailed', _WHAT)
    return transport


def _attempt(transport: Transport, message: EmailMessage, address: str) -> Attempt:
    if isinstance(transport, SmtpTransport):
        return transport.attempt(message, address)
    return Attempt(transport.send(message, address))


def _message(sender: Sender, address: str, market: str) -> EmailMessage:
    """Return a message without a card. Ends the command where there is no such address."""
    message = EmailMessage()
    message["From"] = Address(sender.name, addr_spec=sender.address)
    try:
        message["To"] = Address(addr_spec=address)
    except (ValueError, IndexError):  # What the library raises for various other texts.
        refuse("this is no e-mail address", _WHAT)
    message["Subject"] = f"Test of the gift cards of the market {market}"
    message["Date"] = localtime()
    message["Message-ID"] = make_msgid(domain=sender.address.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(
        f"This message shows that the cards of the market {market} can reach people.\n"
        "It was asked for with `giftcard mail test`, and holds no card.\n"
    )
    return message


def _printable(text: str) -> str:
    """Return a text with escapes in the place of characters that would control a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
