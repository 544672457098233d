"""What a language lacks: templates, blocks, words, values that its sentences ask for in vain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from babel import UnknownLocaleError
from jinja2 import TemplateSyntaxError, UndefinedError

from giftcard_rules.commands import PaymentMethod
from giftcard_rules.deliveries import DeliveryKind
from giftcard_server.mail.made_up import VARIANTS, made_up
from giftcard_server.mail.wording.languages import EVERY_LETTER, Language, environment_of
from giftcard_server.mail.wording.values import FACTS, values_of

_OF_EACH_KIND: Final = ("subject", "preheader", "heading", "opening")
# The blocks of each template.
BLOCKS: Final[dict[str, tuple[str, ...]]] = {
    **{kind.value: _OF_EACH_KIND for kind in DeliveryKind},
    DeliveryKind.CARD.value: (*_OF_EACH_KIND, "message_title"),
    DeliveryKind.CONFIRMATION.value: (*_OF_EACH_KIND, "section_title", "section"),
    DeliveryKind.CORRECTION.value: (*_OF_EACH_KIND, "section_title", "section"),
    EVERY_LETTER: ("support", "button", "steps", "rules", "footer"),
}


def words_for(designs: Iterable[str]) -> dict[str, list[str]]:
    """Return the words that a language needs, by the table of `words.toml` that they stand in."""
    return {
        "labels": sorted({"code"}.union(*FACTS.values())),
        "titles": ["facts", "rules", "steps"],
        "occasions": ["other"],
        "designs": sorted(designs),
        "payment_methods": [method.value for method in PaymentMethod],
    }


def missing(folder: Path, designs: Iterable[str] = ()) -> dict[str, list[str]]:
    """Return what is missing in each language of a folder, as sentences; no entry is empty text.

    `designs` are those that the markets have, and that therefore need names.
    """
    words = words_for(designs)
    names = sorted(each.name for each in folder.iterdir() if each.is_dir())
    return {name: list(_missing_in(folder, name, words)) for name in names}


def _missing_in(folder: Path, name: str, words: dict[str, list[str]]) -> Iterator[str]:
    try:
        language = Language(name, folder / name, environment_of(folder))
    except UnknownLocaleError:
        yield "the folder is not named after a language, such as de"
        return
    except FileNotFoundError:
        yield "words.toml is missing"
        return
    except (OSError, ValueError) as error:
        yield f"words.toml cannot be read: {error}"
        return
    found = [*_missing_words(language, words), *_missing_templates(language)]
    found += _joined_lines(folder / name)
    yield from found
    if not found:  # Else whatever is missing would be told twice.
        yield from _missing_values(language)


def _missing_words(language: Language, words: dict[str, list[str]]) -> Iterator[str]:
    if not isinstance(language.words.get("between"), str):
        yield "words.toml: between is missing"
    for table, names in words.items():
        known = language.words.get(table)
        for name in names:
            if not isinstance(known, dict) or not isinstance(known.get(name), str):
                yield f"words.toml: [{table}] {name} is missing"


def _missing_templates(language: Language) -> Iterator[str]:
    try:
        templates = language.templates
    except TemplateSyntaxError as error:
        yield f"{Path(error.name or '').name}: line {error.lineno}: {error.message}"
        return
    for name, blocks in BLOCKS.items():
        if name not in templates:
            yield f"{name}.txt is missing"
            continue
        known = templates[name].blocks.keys()
        yield from (
            f"{name}.txt: the block {each} is missing" for each in blocks if each not in known
        )
        yield from (
            f"{name}.txt: no letter has a block {each}" for each in known if each not in blocks
        )


def _joined_lines(folder: Path) -> Iterator[str]:
    """Yield the lines of text that end with a tag: the next line would follow without a blank."""
    for path in sorted(folder.glob("*.txt")):
        lines = path.read_text(encoding="utf-8").split("\n")
        for number, (line, following) in enumerate(pairwise(lines), start=1):
            is_text = [not each.lstrip().startswith("{%") for each in (line, following)]
            if line.endswith("%}") and following and all(is_text):
                yield f"{path.name}: line {number} ends with a tag, which joins it to the next one"


def _missing_values(language: Language) -> Iterator[str]:
    """Yield the values that sentences ask for and that there are not, once each."""
    told = set()
    for kind, variants in VARIANTS.items():
        for changes in variants:
            try:
                _say_all(language, kind, changes)
            except UndefinedError as error:
                told.add(f"a letter of the kind {kind.value}: {error.message}")
    yield from sorted(told)


def _say_all(language: Language, kind: DeliveryKind, changes: dict[str, Any]) -> None:
    values = values_of(made_up(kind, locale=language.name, **changes), language, language.locale)
    for template in (kind.value, EVERY_LETTER):
        for block in BLOCKS[template]:
            language.paragraphs(template, block, values)
