"""What operators' commands print: sentences for people, or one JSON object for programs."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer


class Output(enum.StrEnum):
    """How a command prints what it found or did."""

    TABLE = "table"
    JSON = "json"


OutputFormat = Annotated[
    Output, typer.Option("--output", "-o", help="Text to read, or JSON for programs.")
]


class Answer:
    """What a command did, told step by step. Only one thread uses it."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._facts: dict[str, Any] = {}

    def say(self, sentence: str = "", **facts: Any) -> None:  # noqa: ANN401 - JSON is any of many types
        """Print a sentence at once for people, and keep its facts for the JSON object.

        Facts are what `json` can write, days and times, paths and enumerations.
        """
        self._facts |= facts
        if sentence and self._output is Output.TABLE:
            print(sentence, flush=True)  # noqa: T201 - the command's output

    def tell(self, sentence: str) -> None:
        """Print what a person has to read before a question, beside the JSON."""
        typer.echo(sentence, err=self._output is Output.JSON)

    def end(self) -> None:
        """Print the JSON object, if there is one: a refused command may have no fact yet."""
        if self._facts and self._output is Output.JSON:
            print_json(self._facts)


@contextmanager
def answering(output: Output) -> Iterator[Answer]:
    """Give what a command answers with. Its facts are printed however it ends."""
    answer = Answer(output)
    try:
        yield answer
    finally:
        answer.end()


def print_json(value: object) -> None:
    """Print a JSON value on one line. Times are RFC 3339 in UTC, and other values are texts."""
    print(json.dumps(value, default=_plain), flush=True)  # noqa: T201 - the command's output


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, enum.Enum):
        return str(value.value)
    assert isinstance(value, Path), type(value)
    return str(value)
