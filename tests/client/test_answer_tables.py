"""Answers of commands as tables: what is nested has rows of its own, and nothing is said."""

from typing import Any

import pytest

from giftcard_client.cli.output import answer_table
from giftcard_client.cli.privacy_commands import Exported
from giftcard_client.cli.support_commands import FoundCards

PERSON = {"role": "RECIPIENT", "name": "Fred", "authorization_id": None}


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        (FoundCards(()), ["cards   none"]),
        (
            Exported("1", {"people": [PERSON], "orders": [], "grounds": ["LEGAL", "OTHER"]}),
            [
                "schema version   1",
                "export",
                "  people 1",
                "    role         RECIPIENT",
                "    name         Fred",
                "  grounds        LEGAL, OTHER",
            ],
        ),
    ],
)
def test_an_answer_is_a_table(answer: Any, lines: list[str]) -> None:
    assert [line.plain for line in answer_table(answer, {}, show_code=False)] == lines
