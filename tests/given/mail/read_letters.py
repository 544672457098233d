"""An e-mail as a mail program reads it: its headers, and what its HTML shows and reaches for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from html.parser import HTMLParser
from typing import Any, Final

from giftcard_server.mail.addresses import mailbox
from giftcard_server.mail.letter import Letter
from giftcard_server.mail.rendering import Renderer

SENT: Final = datetime(2026, 8, 31, 8, 0, tzinfo=UTC)
MESSAGE_ID: Final = "<4f1c.card.0@shop.example>"
_NOT_SHOWN: Final = frozenset({"head", "style", "title"})
_WITHOUT_END: Final = frozenset({"meta", "br", "img", "link", "input", "base", "hr"})


@cache
def renderer() -> Renderer:
    """Return the renderer of all tests."""
    return Renderer()


def written(letter: Letter, name: str = "Léa Dubois") -> EmailMessage:
    """Return the message as it arrives: rendered, sent as bytes, and read again."""
    message = renderer().render(
        letter,
        message_id=MESSAGE_ID,
        date=SENT,
        sender=mailbox("Maison Exemple", "cards@shop.example"),
        recipient=mailbox(name, "lea@example.org"),
    )
    read = message_from_bytes(message.as_bytes(), policy=SMTP)
    assert isinstance(read, EmailMessage)
    assert not read.defects
    return read


def part(message: EmailMessage, subtype: str) -> str:
    """Return the text of a part."""
    body = message.get_body((subtype,))
    assert isinstance(body, EmailMessage)
    return str(body.get_content()).replace("\r\n", "\n")


@dataclass
class Page(HTMLParser):
    """What HTML consists of; texts are those that are shown, with the class of their element."""

    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    _open: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def __hash__(self) -> int:
        return id(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in _WITHOUT_END:
            self._open.append((tag, dict(attrs).get("class") or ""))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1][0] == "style":
            self.styles.append(data)
        elif data.strip(" \n") and not any(tag in _NOT_SHOWN for tag, _ in self._open):
            self.texts.append((self._open[-1][1], data))

    def of_class(self, name: str) -> list[str]:
        """Return the texts in elements of a class."""
        return [text for classes, text in self.texts if name in classes.split()]


def page_of(message: EmailMessage) -> Page:
    """Return what the HTML part of a message consists of."""
    page = Page()
    page.feed(part(message, "html"))
    page.close()
    return page


def said(letter: Letter) -> str:
    """Return the text part, without isolates and with plain blanks."""
    text = part(written(letter), "plain")
    return plain(text)


def plain(text: Any) -> str:
    """Return a text without isolates, with plain blanks in the place of all blanks."""
    return " ".join(str(text).translate(dict.fromkeys(map(ord, "\u2068\u2069"))).split())
