"""`giftcard mail preview`: how a message looks and what it says, with made-up data."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Annotated, Final

import typer

from giftcard_rules.deliveries import DeliveryKind
from giftcard_server.commands.answers import Output, OutputFormat, answering
from giftcard_server.commands.exits import refuse
from giftcard_server.mail.addresses import mailbox
from giftcard_server.mail.made_up import SHOP, made_up
from giftcard_server.mail.rendering import Renderer

WHAT: Final = "preview a message"
SENT: Final = datetime(2026, 8, 31, 8, 0, tzinfo=UTC)  # Made up like the rest.

File = Annotated[Path | None, typer.Option(dir_okay=False, help="Write this part to a file.")]


def preview(
    kind: Annotated[DeliveryKind, typer.Argument(help="What the message is about.")],
    *,
    design: Annotated[str, typer.Option(help="The design of the card.")] = "classic",
    locale: Annotated[str, typer.Option(help="Of the reader, such as fr, en or en-GB.")] = "fr",
    html: File = None,
    text: File = None,
    eml: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write the whole message to a file.")
    ] = None,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Show a message with made-up data: no card has its code, and nobody is written to.

    Without a file to write to, the text part is printed.
    """
    message = Renderer().render(
        made_up(kind, locale=locale, design=design),
        message_id="<preview@giftcard.invalid>",
        date=SENT,
        sender=mailbox(SHOP.name, "cards@giftcard.invalid"),
        recipient=mailbox("Léa Dubois", "lea@giftcard.invalid"),
    )
    used = str(message["Content-Language"])
    if used != locale[:2].lower():
        print(f"There are no templates for {locale}: this is {used}.", file=sys.stderr)  # noqa: T201 - beside the output
    wanted = (
        (html, _part(message, "html")),
        (text, _part(message, "plain")),
        (eml, bytes(message)),
    )
    for path, content in wanted:
        if path is not None:
            _write(path, content)
    with answering(output) as answer:
        plain = _part(message, "plain").decode()
        shown = "" if any((html, text, eml)) else plain
        answer.say(shown, subject=str(message["Subject"]), language=used, text=plain)


def _part(message: EmailMessage, subtype: str) -> bytes:
    body = message.get_body((subtype,))
    assert isinstance(body, EmailMessage)
    return str(body.get_content()).encode()


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        refuse(f"{path}: {error.strerror}", WHAT)
