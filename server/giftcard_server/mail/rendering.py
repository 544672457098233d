"""From a letter to the e-mail: HTML and text in the language of the addressee.

The code stands in the two bodies, and nowhere else: no sentence can use it, so that it cannot get
into a subject or a preheader, and no link is made of anything but the shop's website.
"""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from css_inline import CSSInliner

from giftcard_rules.deliveries import WITH_CODE, DeliveryKind
from giftcard_server.mail.letter import Letter
from giftcard_server.mail.wording.accents import accent_of
from giftcard_server.mail.wording.languages import EVERY_LETTER, TEMPLATES, Language, Languages
from giftcard_server.mail.wording.typed_text import for_header, isolated, lines_of
from giftcard_server.mail.wording.values import FACTS, NEEDED, values_of

_WITH_BUTTON: Final = WITH_CODE | {DeliveryKind.REMINDER}
# The card is no more, or is somewhere else.
_WITHOUT_CARD: Final = frozenset({DeliveryKind.CANCELLATION, DeliveryKind.CORRECTION})


class LetterIncompleteError(ValueError):
    """A letter lacks a field that its kind needs. The text names the field, never a value."""


class Renderer:
    """Writes letters. It is thread-safe; each template is read once, with the first letter."""

    def __init__(self, folder: Path = TEMPLATES) -> None:
        """Read the languages of a folder. Raises OSError or ValueError where one has no words."""
        self.languages = Languages(folder)
        self._inliner = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)

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
        parts = self.parts_of(letter)
        message = EmailMessage(policy=SMTP)
        message["From"] = sender
        message["To"] = recipient
        message["Subject"] = str(parts["subject"])
        message["Date"] = format_datetime(date)
        message["Message-ID"] = message_id
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"  # What Exchange reads in its place.
        # Quoted-printable: a line of any length arrives at every server as it is.
        message.set_content(self.text_of(parts), cte="quoted-printable")
        message.add_alternative(self.html_of(parts), subtype="html", cte="quoted-printable")
        # Last, as headers about the content go with the content into a part.
        message["Content-Language"] = str(parts["language"])
        return message

    def parts_of(self, letter: Letter) -> dict[str, object]:
        """Return what the layouts show. Raises `LetterIncompleteError`."""
        for name in NEEDED[letter.kind]:
            if getattr(letter, name) is None:
                missing = f"a letter of the kind {letter.kind.value} needs {name}"
                raise LetterIncompleteError(missing)
        language, locale = self.languages.chosen(letter.locale, letter.shop.language)
        values = values_of(letter, language, locale)
        return {
            "language": language.name,
            "direction": "rtl" if language.locale.text_direction == "rtl" else "ltr",
            "accent": accent_of(letter.design),
            "shop_name": letter.shop.name,
            "website": letter.shop.website,
            "shows_card": letter.kind not in _WITHOUT_CARD,
            "code": letter.code,
            **{name: values[name] for name in ("amount", "expires_on", "occasion")},
            **{name: language.words[name] for name in ("labels", "titles", "between")},
            **_sentences(letter, language, values),
        }

    def html_of(self, parts: dict[str, object]) -> str:
        """Return the HTML part, with the styles in its elements."""
        html = self.languages.environment.get_template("letter.html")
        return self._inliner.inline(html.render(parts))

    def text_of(self, parts: dict[str, object]) -> str:
        """Return the text part, which says everything that the HTML part says."""
        text = self.languages.environment.get_template("letter.txt")
        return text.render(parts, isolated=isolated)


def _sentences(letter: Letter, language: Language, values: dict[str, object]) -> dict[str, object]:
    """Return what the language says in a letter of this kind."""
    kind = letter.kind.value

    def sentence(block: str) -> str:
        return language.sentence(kind, block, values)

    def of_every_letter(block: str, *, if_: bool = True) -> list[str]:
        return language.paragraphs(EVERY_LETTER, block, values) if if_ else []

    message = lines_of(letter.message) if letter.kind is DeliveryKind.CARD else []
    has_button = letter.kind in _WITH_BUTTON and bool(letter.shop.website)
    return {
        "subject": for_header(sentence("subject")),
        "preheader": sentence("preheader"),
        "heading": sentence("heading"),
        "opening": language.paragraphs(kind, "opening", values),
        "message_lines": message,
        "message_title": sentence("message_title") if message else "",
        "button": " ".join(of_every_letter("button", if_=has_button)),
        "steps": of_every_letter("steps", if_=letter.kind in WITH_CODE),
        "facts": _facts(letter.kind, language, values),
        "sections": _sections(kind, language, values),
        "rules": of_every_letter("rules", if_=letter.kind in _WITH_BUTTON),
        "footer": of_every_letter("footer"),
    }


def _facts(
    kind: DeliveryKind, language: Language, values: dict[str, object]
) -> list[dict[str, object]]:
    """Return the rows of the table: a label and a value each."""
    labels = language.words["labels"]
    return [{"label": labels[name], "value": values[name]} for name in FACTS[kind] if values[name]]


def _sections(kind: str, language: Language, values: dict[str, object]) -> list[dict[str, object]]:
    """Return the section that only some kinds have: how to change one's mind."""
    if not language.has(kind, "section"):
        return []
    title = language.sentence(kind, "section_title", values)
    return [{"title": title, "paragraphs": language.paragraphs(kind, "section", values)}]
