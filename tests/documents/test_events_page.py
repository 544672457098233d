"""docs/events.md: every type is explained and shown, and adds what the formula says."""

import json
import re
from typing import Any, Final

import pytest

from giftcard.v1.event_service_pb2 import Event as Message
from giftcard_client import Event, EventType
from giftcard_client.values import Money
from given.house import ROOT
from given.owed import SIGN

PAGE: Final = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
ROW: Final = re.compile(r"^\| `([A-Z_]+)` \| (.+) \| (.+) \|$", re.MULTILINE)
BLOCK: Final = re.compile(r"^```json\n(.+?)\n```$", re.MULTILINE | re.DOTALL)
TYPES: Final = [each for each in EventType if each is not EventType.UNRECOGNIZED]


def examples() -> dict[str, dict[str, Any]]:
    shown = map(json.loads, BLOCK.findall(PAGE))
    return {each["type"]: each for each in shown}


def added() -> dict[str, str]:
    """What each type adds to the liability, as the page says it."""
    return {name: adds for name, _, adds in ROW.findall(PAGE)}


def test_every_type_has_one_row_and_one_example_in_the_order_of_the_contract() -> None:
    assert [name for name, _, _ in ROW.findall(PAGE)] == TYPES
    assert [json.loads(block)["type"] for block in BLOCK.findall(PAGE)] == TYPES


@pytest.mark.parametrize("name", TYPES)
def test_an_example_is_an_event_of_the_contract(name: str) -> None:
    shown = examples()[name]
    fields: dict[str, Any] = {
        field: Money(**value) if isinstance(value, dict) else value
        for field, value in shown.items()
    }
    assert Event(**fields, generation="").type == name
    assert set(shown) <= set(Message.DESCRIPTOR.fields_by_name)
    assert shown["event_id"].startswith(shown["card_id"])


def test_positions_of_the_examples_have_no_gaps() -> None:
    assert [each["position"] for each in examples().values()] == list(range(1, len(TYPES) + 1))


@pytest.mark.parametrize("name", TYPES)
def test_the_page_has_the_formula_of_the_liability(name: str) -> None:
    signs = {kind.value: sign for kind, sign in SIGN.items()}
    said = {"+": 1, "-": -1}.get(added()[name][0], 0)
    assert said == signs.get(name, 0)
