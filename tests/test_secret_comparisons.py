"""Secrets are compared in constant time, so that the time does not show how much was equal.

The test looks in the sources for `==` and similar operators on names of secrets. Databases and
dictionaries look up keyed hashes (a card's id, for one), whose timing reveals nothing of a code.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from giftcard_rules.codes import Code, Key

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = ("rules", "storage", "server")
# The last part of the names that hold a secret, or make one.
SECRET: Final = {
    "characters",
    "derive_card_id",
    "derive_code",
    "fingerprint",
    "get_secret_value",
    "password",
    "secret",
    "shown",
}
IN_VARIABLE_TIME: Final = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


def last_name(node: ast.expr) -> str:
    """Return `c` of `a.b.c` and of `a.b.c(d)`."""
    if isinstance(node, ast.Call):
        return last_name(node.func)
    return ast.unparse(node).rpartition(".")[2]


def comparisons(source: str) -> Iterator[str]:
    """Yield every comparison of a secret whose time depends on the length of the equal part."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], IN_VARIABLE_TIME):
            sides = [node.left, *node.comparators]
            if SECRET & {last_name(side) for side in sides}:
                yield ast.unparse(node)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_secret_is_compared_by_an_operator(package: str) -> None:
    sources = {path: path.read_text("utf-8") for path in (ROOT / package).rglob("*.py")}
    assert sources
    assert {
        path: found for path, source in sources.items() if (found := [*comparisons(source)])
    } == {}


MADE_UP: Final = (
    ("record.fingerprint != submission.fingerprint(key)", True),
    ("codes.derive_code(key, caller, request_id).shown == code", True),
    ("key.secret in others", True),
    ("'k1' == fingerprint", True),
    ("hmac.compare_digest(one.secret, other.secret)", False),
    ("card.card_id == hold.card_id", False),
    ("key.secret is None", False),
)


@pytest.mark.parametrize(("source", "is_found"), MADE_UP)
def test_such_a_comparison_would_be_found(source: str, is_found: bool) -> None:  # noqa: FBT001 - the outcome
    assert list(comparisons(source)) == ([source] if is_found else [])


def test_codes_are_equal_by_value_and_keys_by_identity() -> None:
    one, same, other = Code("0" * 16), Code("0" * 16), Code("1" * 16)
    assert one == same
    assert hash(one) == hash(same)
    assert one not in {other, "0" * 16}
    assert Key("k1", bytes(32)) != Key("k1", bytes(32))
