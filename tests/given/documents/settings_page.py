"""docs/settings.md: every setting, from the fields of the settings and what stands below each.

    python -m given.documents.settings_page docs/settings.md

`make docs` writes it, and tests/documents/test_settings_page.py compares. What a setting is for
is a text below its field, which Python drops: only this page needs it.
"""

import ast
import enum
import inspect
import json
import sys
import tomllib
import types
import typing
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from giftcard_rules.codes import KeyRing
from giftcard_server.callers.four_eyes import FourEyes
from giftcard_server.callers.settings import CallerSettings, KnownCaller
from giftcard_server.clocks.settings import ClockSettings
from giftcard_server.events.settings import EventSettings
from giftcard_server.guesses.settings import GuessSettings
from giftcard_server.keys.settings import KeySettings
from giftcard_server.mail_settings import MailSettings, MarketMailSettings, ShopSettings
from giftcard_server.market_settings import MarketsSettings
from giftcard_server.markets import (
    DatedSettings,
    MarketSettings,
    RetentionSettings,
    VersionSettings,
)
from giftcard_server.settings import PREFIX, Settings
from giftcard_server.tracing.settings import TracingSettings
from giftcard_storage.database import DatabaseUrl

WORDS: Final[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
)
# The headings, and the models whose own fields follow. Those of which the words say where they
# stand are tables of another setting, and have no variable of their own.
SECTIONS: Final[dict[str, tuple[type[BaseModel], ...]]] = {
    "The server": (Settings,),
    "Database and key ring": (KeySettings,),
    "Certificates and callers": (CallerSettings,),
    "Wrong codes": (GuessSettings,),
    "Clock, events, logs": (ClockSettings, EventSettings, TracingSettings),
    "E-mail": (MarketsSettings, MailSettings),
    "A caller": (KnownCaller,),
    "Four eyes": (FourEyes,),
    "A market": (MarketSettings, MarketMailSettings, ShopSettings),
    "Dated terms": (DatedSettings, VersionSettings),
    "What a market keeps of people": (RetentionSettings,),
}
TYPES: Final[dict[object, str]] = {
    bool: "`true` or `false`",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path of a file",
    date: "day",
    SecretStr: "text, a secret",
    KeyRing: "text, a secret",
    DatabaseUrl: "URL, which may hold a password",
}
UNITS: Final = {
    "seconds": "seconds",
    "days": "days",
    "months": "months",
    "minor": "minor units of the currency",
}
# By the names that `annotated_types` and pydantic give them.
LIMITS: Final = {
    "ge": "at least {}",
    "gt": "more than {}",
    "le": "at most {}",
    "min_length": "at least {} long",
    "max_length": "at most {} long",
    "pattern": "as `{}`",
}
# What the names of the settings in the table `[smtp]` begin with.
OF_THE_RELAY: Final = "smtp_"


def page() -> str:
    """Return the whole page. Raises LookupError where a setting lacks its text."""
    return str(WORDS["head"]) + "".join(_section(*each) for each in SECTIONS.items())


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields that a model has itself, and not from others."""
    own = vars(model).get("__annotations__", {})
    return {name: model.model_fields[name] for name in own if name in model.model_fields}


def texts_of(model: type[BaseModel]) -> dict[str, str]:
    """Return the texts below the fields of a model, each in one line."""
    (tree,) = ast.parse(inspect.cleandoc("\n" + inspect.getsource(model))).body
    assert isinstance(tree, ast.ClassDef)
    texts = {}
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            texts[field.target.id] = " ".join(str(below.value.value).split())
    return texts


def _section(title: str, models: tuple[type[BaseModel], ...]) -> str:
    place = WORDS["places"].get(title, "")
    columns = ["setting", "variable", "type", "default", "limits", "what it is for"]
    if place:
        columns.remove("variable")
    lines = [f"\n## {title}\n"]
    if place:
        lines.append(f"{place}\n")
    lines += [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    for model in models:
        texts = texts_of(model)
        for name, field in fields_of(model).items():
            if name not in texts:
                message = f"{model.__name__}.{name} needs a text below it that says what it is for"
                raise LookupError(message)
            variable = () if place else (f"`{PREFIX}{name.upper()}`",)
            limits = ", ".join(dict.fromkeys(_limits(field)))
            cells = (_in_file(name), *variable, _kind(name, field), _default(field), limits)
            shown = " | ".join(each.replace("|", "\\|") for each in (*cells, texts[name]))
            lines.append(f"| {shown} |")
    return "\n".join(lines) + "\n"


def _in_file(name: str) -> str:
    """Return the name in the file; those of the relay stand in a table."""
    if name.startswith(OF_THE_RELAY):
        return f"`[smtp]` `{name.removeprefix(OF_THE_RELAY)}`"
    return f"`{name}`"


def _kind(name: str, field: FieldInfo) -> str:
    unit = UNITS.get(name.rpartition("_")[2], "")
    is_number = any(each in str(field.annotation) for each in ("int", "float"))
    return _type(field.annotation) + (f", {unit}" if unit and is_number else "")


def _type(annotation: Any) -> str:
    """Return a type in words."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in {typing.Union, types.UnionType, typing.Annotated}:
        return _type(next(each for each in arguments if each is not type(None)))
    if origin in {tuple, frozenset}:
        return f"list of {_type(arguments[0])}"
    is_choice = isinstance(annotation, type) and issubclass(annotation, enum.Enum)
    choices = list(annotation) if is_choice else arguments if origin is Literal else ()
    if choices:
        return " or ".join(f"`{each}`" for each in choices)
    is_table = origin is dict or annotation not in TYPES
    assert not is_table or origin is dict or issubclass(annotation, BaseModel), annotation
    return "table" if is_table else TYPES[annotation]


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if field.is_required():
        return "required"
    if value is None or value in ((), {}, frozenset(), ""):
        return ""
    if isinstance(value, BaseModel):
        return "as below"
    if isinstance(value, DatabaseUrl | enum.Enum):
        return f"`{value}`"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _limits(field: FieldInfo) -> Iterator[str]:
    """Yield the limits of a field, wherever in its type they stand."""
    yield from _told(field.metadata)
    yield from _limits_of(field.annotation)


def _limits_of(annotation: Any) -> Iterator[str]:
    origin = typing.get_origin(annotation)
    if origin is dict:  # Those of what is in it have a section of their own.
        return
    if origin is typing.Annotated:
        yield from _told(annotation.__metadata__)
    for each in typing.get_args(annotation):
        if not isinstance(each, str):
            of_each = "each " if origin in {tuple, frozenset} else ""
            yield from (f"{of_each}{limit}" for limit in _limits_of(each))


def _told(metadata: Collection[Any]) -> Iterator[str]:
    for each in metadata:
        if isinstance(each, FieldInfo):
            yield from _told(each.metadata)
        for name, text in LIMITS.items():
            value = getattr(each, name, None)
            if value is not None and not isinstance(each, FieldInfo):
                yield text.format(value)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
