"""Show the answer of a command: as a table for people, or as JSON for programs.

A value is never folded, so that an id can be copied, and no line ends in blanks.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from rich.text import Text

from giftcard_client import Money, Replacement
from giftcard_client.cli.amounts import format_amount
from giftcard_client.sandbox import SandboxCard

HIDDEN_CODE = "hidden; repeat the same request with --show-code to see it"
INDENT = "  "
GAP = 3


def answer_json(
    answer: object, extra: Mapping[str, object], *, show_code: bool, indent: int | None = 2
) -> str:
    """Write an answer as one JSON object; `extra` comes first. No `indent`: on one line.

    Money is {"amount_minor", "currency_code"}, times are RFC 3339 in UTC, and a
    code is null unless `show_code`.
    """
    shown = {**extra, **_plain(answer, show_code=show_code)}
    return json.dumps(shown, indent=indent, ensure_ascii=False)


def answer_table(answer: object, extra: Mapping[str, object], *, show_code: bool) -> Iterator[Text]:
    """Yield a line for each name and value of an answer, without those that are empty."""
    rows = [(_label(name), _words(value)) for name, value in extra.items()]
    rows += list(_rows(answer, show_code=show_code, depth=0)) or _nothing(answer)
    width = max((label.cell_len for label, value in rows if value), default=0)
    for label, value in rows:
        if value:
            label.pad_right(width + GAP - label.cell_len)
        # Text and not str, so that rich does not read the server's texts as markup.
        yield label.append(value, style="default")


def _plain(value: Any, *, show_code: bool) -> Any:  # noqa: ANN401 - JSON is any of many types
    if is_dataclass(value):
        named = {
            field.name: _plain(getattr(value, field.name), show_code=show_code)
            for field in fields(value)
        }
        if _is_hidden(value, show_code=show_code):
            named["code"] = None
        return named
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, tuple | list):
        return [_plain(item, show_code=show_code) for item in value]
    return value


def _rows(answer: Any, *, show_code: bool, depth: int) -> Iterator[tuple[Text, str]]:  # noqa: ANN401 - any answer
    for name, value in _named(answer):
        if name == "code_withheld" and not value:
            continue
        if name == "code" and _is_hidden(answer, show_code=show_code):
            yield _label(name, depth), HIDDEN_CODE
        elif _is_part(value):
            yield _label(name, depth), ""
            yield from _rows(value, show_code=show_code, depth=depth + 1)
        elif isinstance(value, tuple | list) and value and _is_part(value[0]):
            for number, each in enumerate(value, 1):
                yield _label(f"{name} {number}", depth), ""
                yield from _rows(each, show_code=show_code, depth=depth + 1)
        elif value is not None and value not in ("", (), []):
            yield _label(name, depth), _words(value)


def _named(answer: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 - any answer
    """Return the names and values of an answer, or of a part of one, which may be JSON."""
    if isinstance(answer, Mapping):
        return list(answer.items())
    return [(field.name, getattr(answer, field.name)) for field in fields(answer)]


def _nothing(answer: Any) -> list[tuple[Text, str]]:  # noqa: ANN401 - any answer
    """Return the rows of an answer that has nothing, such as a search that found no cards."""
    return [(_label(name), "none") for name, _ in _named(answer)]


def _is_hidden(answer: Any, *, show_code: bool) -> bool:  # noqa: ANN401 - any answer
    """Return whether an answer has a code that is not shown."""
    if isinstance(answer, SandboxCard):
        return not show_code and bool(answer.code)
    return isinstance(answer, Replacement) and not (show_code or answer.code_withheld)


def _is_part(value: object) -> bool:
    """Return whether a value is a part of an answer that has rows of its own."""
    is_shown_by_rows = is_dataclass(value) or isinstance(value, Mapping)
    return is_shown_by_rows and not isinstance(value, Money)


def _label(name: str, depth: int = 0) -> Text:
    style = "cyan" if depth else "bold cyan"
    return Text(INDENT * depth + name.replace("_", " "), style=style)


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Money):
        return format_amount(value)
    if isinstance(value, tuple | list):
        return ", ".join(map(_words, value))
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return str(value)
