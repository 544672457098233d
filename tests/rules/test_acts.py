"""Who acts on a card, on which ground, and what a note may hold (R30, R37)."""

import pytest

from giftcard_rules.acts import holds_code, same_actor
from giftcard_rules.codes import derive_code
from given.made_facts import KEY

CODE = derive_code(KEY, "shop", "request").shown


@pytest.mark.parametrize(
    ("note", "refused"),
    [
        ("", False),
        ("The customer says that the e-mail was lost.", False),
        ("that they sent back was damaged", False),  # Four letters each, and no check character.
        ("order 2026-11-25-0001, called at 10:00", False),
        ("0612345678", False),
        (CODE, True),
        (f"the code is {CODE}, it was stolen", True),
        (CODE.lower().replace("-", " "), True),
        (CODE.replace("-", ""), True),
        (CODE.replace("-", "\N{EN DASH}"), True),
        (CODE.replace("-", "\N{ZERO WIDTH SPACE}"), True),
        (CODE.translate({ord(c): 0xFEE0 + ord(c) for c in CODE if c != "-"}), True),  # Full-width.
        ("4970-1012-3456-7890", True),  # A bank card's number has no place there, either.
        ("ABCD-EFG1-JKMN-PQR2", True),  # Mistyped, and one character from somebody's code.
    ],
)
def test_a_note_that_holds_something_shaped_like_a_code_is_noticed(
    note: str, *, refused: bool
) -> None:
    assert holds_code(note) is refused


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("anna", " Anna ", True),
        ("Straße", "STRASSE", True),
        ("anna", "anne", False),
        ("am\N{LATIN SMALL LETTER E WITH ACUTE}lie", "Ame\N{COMBINING ACUTE ACCENT}lie", True),
        ("anna berg", "Anna  Berg", True),
        ("anna berg", "anna\N{NO-BREAK SPACE}berg", True),
        ("anna", "an\N{ZERO WIDTH SPACE}na", True),
        ("anna", "an\N{SOFT HYPHEN}na\N{ZERO WIDTH NO-BREAK SPACE}", True),
        ("anna", "\N{FULLWIDTH LATIN SMALL LETTER A}nna", True),
        ("anna berg", "annaberg", False),
    ],
)
def test_actors_are_compared_as_they_look_trimmed_and_casefolded(
    one: str, other: str, *, same: bool
) -> None:
    assert same_actor(one, other) is same
