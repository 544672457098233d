"""The languages that letters can be written in: a folder of templates for each.

The files of a folder hold sentences and no HTML: a template for each kind of letter, one for what
several kinds share, and `words.toml`. What they say stands in both parts of a message alike.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from babel import Locale, UnknownLocaleError
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from giftcard_rules.deliveries import DeliveryKind

TEMPLATES: Final = Path(__file__).parents[1] / "templates"
WORDS: Final = "words.toml"
EVERY_LETTER: Final = "every_letter"
LAST_RESORT: Final = "en"  # For people, and markets, whose languages have no templates.

# Only blanks that break lines: a no-break space in a template is meant.
_BLANKS: Final = re.compile("[ \t\n]+")
_BETWEEN_PARAGRAPHS: Final = re.compile(r"\n[ \t]*\n")
_TAG: Final = re.compile("[A-Za-z]{2,8}([_-][A-Za-z0-9]{1,8})*")


def environment_of(folder: Path) -> Environment:
    """Return what reads the templates of a folder: HTML is escaped, unknown names are errors."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=select_autoescape(("html",), default=False, default_for_string=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


class Language:
    """One language: its words, and its sentences for each kind of letter."""

    def __init__(self, name: str, folder: Path, environment: Environment) -> None:
        """Read the words. Raises OSError or ValueError where there are none."""
        self.name = name
        self._folder = folder
        self._environment = environment
        self.words: dict[str, Any] = tomllib.loads((folder / WORDS).read_text(encoding="utf-8"))
        self.locale = Locale.parse(name, sep="-")

    @cached_property
    def templates(self) -> dict[str, Template]:
        """The templates that there are, by name; a name is a kind's value or `EVERY_LETTER`.

        They are read with the first letter, as compiling them takes a tenth of a server's start.
        `giftcard mail check-templates`, and a test, find mistakes in them before.
        """
        names = [kind.value for kind in DeliveryKind] + [EVERY_LETTER]
        return {
            name: self._environment.get_template(f"{self.name}/{name}.txt")
            for name in names
            if (self._folder / f"{name}.txt").exists()
        }

    def paragraphs(self, template: str, block: str, values: Mapping[str, object]) -> list[str]:
        """Return what a block of a template says, each paragraph as one line.

        Raises `jinja2.UndefinedError` where the block uses a value that there is not.
        """
        write = self.templates[template].blocks[block]
        text = "".join(write(self.templates[template].new_context(dict(values))))
        paragraphs = (_BLANKS.sub(" ", each).strip(" ") for each in _BETWEEN_PARAGRAPHS.split(text))
        return [each for each in paragraphs if each]

    def sentence(self, template: str, block: str, values: Mapping[str, object]) -> str:
        """Return what a block says, as one line."""
        return " ".join(self.paragraphs(template, block, values))

    def has(self, template: str, block: str) -> bool:
        """Whether a template has a block."""
        return block in self.templates[template].blocks


class Languages:
    """All languages of a folder."""

    def __init__(self, folder: Path = TEMPLATES) -> None:
        """Read the words of a folder. Raises OSError or ValueError where a language has none."""
        self.environment = environment_of(folder)
        self.known = {
            words.parent.name: Language(words.parent.name, words.parent, self.environment)
            for words in sorted(folder.glob(f"*/{WORDS}"))
        }
        if LAST_RESORT not in self.known:
            message = f"there are no templates in {LAST_RESORT}, which serves everybody else"
            raise ValueError(message)

    def chosen(self, locale: str, of_market: str) -> tuple[Language, Locale]:
        """Return the language for a person, and the locale of amounts and days.

        The language is the person's own, else the market's, else English. The locale is the
        person's own in the first case alone, so that sentences and amounts fit together.
        """
        own = _parsed(locale)
        if own is not None and own.language in self.known:
            return self.known[own.language], own
        language = self.known.get(of_market, self.known[LAST_RESORT])
        return language, language.locale


def _parsed(locale: str) -> Locale | None:
    """Return a locale that was told as `fr`, `fr-FR` or `fr_FR.UTF-8`; None if it is unknown.

    A region that Babel does not know is left out.
    """
    tag = locale.partition(".")[0].partition("@")[0]
    if not _TAG.fullmatch(tag):
        return None
    language = tag.replace("-", "_")
    for each in (language, language.partition("_")[0]):
        try:
            return Locale.parse(each)
        except (UnknownLocaleError, ValueError):
            continue
    return None
