"""docs/settings.md has every setting, as the code has it, and other pages lead to it."""

import typing
from collections.abc import Iterator
from typing import Any, Final

import pytest
from pydantic import BaseModel

from giftcard_server.settings import ServingSettings
from giftcard_server.settings_reading import known_variables
from given.documents.settings_page import SECTIONS, fields_of, page, texts_of
from given.house import ROOT

PAGE: Final = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def tables_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield every model that a type is made of, and those of its fields."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from tables_in(field.annotation)
    for each in typing.get_args(annotation):
        yield from tables_in(each)


def test_the_page_is_what_make_docs_writes() -> None:
    assert page() == PAGE


def test_every_setting_is_on_the_page_with_its_variable() -> None:
    assert len(known_variables()) > 50
    assert [name for name in sorted(known_variables()) if f"`{name}`" not in PAGE] == []


def test_every_table_of_settings_has_its_section() -> None:
    shown = {model for models in SECTIONS.values() for model in models}
    parts = {part for table in tables_in(ServingSettings) for part in table.__mro__}
    models = {part for part in parts if issubclass(part, BaseModel)}
    assert {model for model in models if fields_of(model)} == shown


def test_every_setting_says_in_a_sentence_what_it_is_for() -> None:
    for models in SECTIONS.values():
        for model in models:
            for name, text in texts_of(model).items():
                assert text[:1].isupper() or text.startswith("`"), name
                assert (len(text) > 12, text.endswith((".", ")."))) == (True, True), name


@pytest.mark.parametrize("source", ["README.md", "docs/operator.md", "docs/email.md"])
def test_readers_find_the_page(source: str) -> None:
    assert "settings.md" in (ROOT / source).read_text(encoding="utf-8")
