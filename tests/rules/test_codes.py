"""Codes: typed by people (R11), checked, derived from keys, and never printed by accident."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftcard_rules.codes import (
    ALPHABET,
    CODE_CHARACTERS,
    DATA_CHARACTERS,
    Code,
    Key,
    KeyRing,
    check_character,
    derive_authorization_id,
    derive_card_id,
    derive_code,
    fingerprint,
    parse,
)
from giftcard_rules.commands import Contact, RequestKey
from giftcard_rules.facts import RequestRecord
from given.fuzzing import bounded
from given.made_facts import BUYER, issue

OLD_KEY = Key("2026", b"the first key of the ring, 32 B.")
NEW_KEY = Key("2027", b"the second one, after a rotation")
ID = "0b0d5c8e-5f0a-4b53-9d0e-2f6f2c9f3a11"

data = st.text(ALPHABET, min_size=DATA_CHARACTERS, max_size=DATA_CHARACTERS)
codes = data.map(lambda characters: Code(characters + check_character(characters)))

# One code, derived below, and every way to type it.
TYPED = "4G3JN0SA16MW5H7T"


def grouped(characters: str, between: str) -> str:
    return between.join(characters[start : start + 4] for start in range(0, 16, 4))


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(TYPED, id="as it is"),
        pytest.param(grouped(TYPED, "-"), id="as it is shown"),
        pytest.param(TYPED.lower(), id="in lower case"),
        pytest.param(grouped(TYPED, " "), id="with spaces"),
        pytest.param(f"\t {TYPED}\r\n", id="with space around it"),
        pytest.param(grouped(TYPED, "\N{NO-BREAK SPACE}"), id="with spaces of a web page"),
        pytest.param(grouped(TYPED, "\N{NARROW NO-BREAK SPACE}"), id="with French spaces"),
        pytest.param(grouped(TYPED, "\N{EN DASH}"), id="with dashes of a word processor"),
        pytest.param(grouped(TYPED, "\N{NON-BREAKING HYPHEN}"), id="with hyphens of a web page"),
        pytest.param(grouped(TYPED, " - "), id="with spaces and dashes"),
        pytest.param("-".join(TYPED), id="with a dash everywhere"),
        pytest.param(grouped(TYPED, "\N{ZERO WIDTH SPACE}"), id="with invisible marks"),
        pytest.param(f"\N{ZERO WIDTH NO-BREAK SPACE}{TYPED}", id="with a byte order mark"),
        pytest.param(TYPED.replace("1", "I"), id="with I for 1"),
        pytest.param(TYPED.replace("1", "i"), id="with i for 1"),
        pytest.param(TYPED.replace("1", "L"), id="with L for 1"),
        pytest.param(TYPED.replace("1", "l"), id="with l for 1"),
        pytest.param(TYPED.replace("0", "O"), id="with O for 0"),
        pytest.param(TYPED.replace("0", "o"), id="with o for 0"),
    ],
)
def test_r11_a_code_is_read_however_it_is_typed(typed: str) -> None:
    assert parse(typed) == Code(TYPED)


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("", id="nothing"),
        pytest.param(" - ", id="only characters that never matter"),
        pytest.param(TYPED[:-1], id="one too short"),
        pytest.param(TYPED + "0", id="one too long"),
        pytest.param(TYPED + TYPED, id="twice"),
        pytest.param(TYPED.replace("W", "U"), id="a letter that no code has"),
        pytest.param(TYPED.replace("W", "_"), id="a low line"),
        pytest.param(TYPED.replace("W", "Ŵ"), id="a letter with a mark on it"),
        pytest.param(TYPED.replace("3", "٣"), id="a digit of another script"),
        pytest.param(
            TYPED.replace("A", "\N{CYRILLIC CAPITAL LETTER A}"),
            id="a Cyrillic letter that looks the same",
        ),
        pytest.param(TYPED[:-2] + "ß", id="one letter that is two in upper case"),
        pytest.param("\0" * 16, id="control characters"),
        pytest.param("\ud800" * 16, id="half characters"),
    ],
)
def test_r11_a_text_that_cannot_be_a_code_is_none(typed: str) -> None:
    assert parse(typed) is None


@pytest.mark.fuzz
@bounded(100)
@given(codes)
def test_r11_every_code_is_read_as_it_is_shown(code: Code) -> None:
    assert parse(code.shown) == code
    assert parse(code.shown.lower().replace("0", "o").replace("1", "l")) == code


@pytest.mark.fuzz
@bounded(100)
@given(
    st.one_of(st.text(max_size=80), st.text(f"{ALPHABET}oil- –\N{ZERO WIDTH SPACE}", max_size=24))
)
def test_r11_reading_any_text_gives_a_code_or_none(typed: str) -> None:
    code = parse(typed)
    assert code is None or parse(code.shown) == code


def check_matrix() -> list[list[int]]:
    """Return what each value adds to the check sum at each place, the check character's included.

    The scheme is linear over GF(2): a code is right if the exclusive or over its places is
    zero. An error that is detected in one code is therefore detected in every code, and tests
    that compare the sums of two places cover all codes.
    """
    sums = []
    for place in range(DATA_CHARACTERS):
        before, after = "0" * place, "0" * (DATA_CHARACTERS - place - 1)
        alone = [check_character(before + character + after) for character in ALPHABET]
        sums.append([ALPHABET.index(character) for character in alone])
    return [*sums, list(range(len(ALPHABET)))]


@given(data, data)
def test_the_check_character_is_linear(one: str, other: str) -> None:
    mixed = "".join(
        ALPHABET[ALPHABET.index(a) ^ ALPHABET.index(b)] for a, b in zip(one, other, strict=True)
    )
    expected = ALPHABET.index(check_character(one)) ^ ALPHABET.index(check_character(other))
    assert ALPHABET.index(check_character(mixed)) == expected


def test_every_single_wrong_character_is_found() -> None:
    for sums in check_matrix():
        assert len(set(sums)) == len(ALPHABET)


def test_every_swap_of_two_characters_is_found_however_far_apart() -> None:
    matrix = check_matrix()
    values = range(len(ALPHABET))
    for one, other in combinations(range(CODE_CHARACTERS), 2):
        for a, b in combinations(values, 2):
            right = matrix[one][a] ^ matrix[other][b]
            swapped = matrix[one][b] ^ matrix[other][a]
            assert right != swapped, (one, other, a, b)


def test_all_errors_in_one_code_are_found_by_reading_it() -> None:
    for place, right in enumerate(TYPED):
        for wrong in set(ALPHABET) - {right}:
            assert parse(TYPED[:place] + wrong + TYPED[place + 1 :]) is None
    for one, other in combinations(range(CODE_CHARACTERS), 2):
        swapped = list(TYPED)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        assert parse("".join(swapped)) == (Code(TYPED) if TYPED[one] == TYPED[other] else None)


# These values must never change: holders have their codes, and only these ids find the cards.
@pytest.mark.parametrize(
    ("key", "caller", "request_id", "code", "card_id"),
    [
        (OLD_KEY, "storefront", ID, "7DT4-Z1DP-SZRW-84PQ", "e5c998b550fae217ee06cd7b1bb0ba51"),
        (NEW_KEY, "storefront", ID, "48TT-G4WR-7NH6-RD50", "6b92073e70e071a04267b9b4ac39760b"),
        (OLD_KEY, "backoffice", ID, "30Z3-YSHJ-0489-MWY1", "12eb455d42736e21edcf9ea3b58c0752"),
        (OLD_KEY, "", "", "W10J-Y0HM-NSFX-13A8", "7076abf5ce3670d2c1afd37a1b52f3bc"),
        (
            OLD_KEY,
            "boutique d’Évreux",
            ID,
            "K9J3-711K-KMNW-ECN8",
            "755906d9ff932ae10362a7ab3179edcd",
        ),
    ],
)
def test_codes_and_card_ids_never_change(
    key: Key, caller: str, request_id: str, code: str, card_id: str
) -> None:
    derived = derive_code(key, caller, request_id)
    assert derived.shown == code
    assert derive_card_id(key, derived) == card_id


def test_authorization_ids_never_change() -> None:
    assert derive_authorization_id(OLD_KEY, "storefront", ID) == "5c6f79847b1e0dc8dac5dc532088fb5b"


def test_fingerprints_never_change() -> None:
    assert fingerprint(OLD_KEY, "Issue", b"\x0a\x02fr").hex() == "006af901727538da7a05f815e3d359d2"


@given(st.text(), st.text())
def test_every_derived_code_is_well_formed(caller: str, request_id: str) -> None:
    code = derive_code(OLD_KEY, caller, request_id)
    assert parse(code.shown) == code


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (("a", ""), ("", "a")),
        (("1:a", "b"), ("1", ":ab")),
        (("caller", "id"), ("id", "caller")),
    ],
)
def test_caller_and_request_id_are_kept_apart(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert derive_code(OLD_KEY, *one) != derive_code(OLD_KEY, *other)


def test_a_value_derived_for_one_use_is_never_one_for_another_use() -> None:
    code = derive_code(OLD_KEY, "a", "b")
    of_same_words = {
        derive_card_id(OLD_KEY, code),
        derive_authorization_id(OLD_KEY, "a", "b"),
        derive_authorization_id(OLD_KEY, "code", code.characters),
        fingerprint(OLD_KEY, "a", b"b").hex(),
    }
    assert len(of_same_words) == 4


def test_after_a_rotation_new_cards_take_the_first_key_and_old_ones_are_found() -> None:
    ring = KeyRing((NEW_KEY, OLD_KEY))
    old_code = derive_code(OLD_KEY, "storefront", ID)
    old_card_id = derive_card_id(OLD_KEY, old_code)

    assert ring.first is NEW_KEY
    assert ring.get("2026") is OLD_KEY
    assert ring.get("2025") is None
    typed = parse(old_code.shown.lower())
    assert typed is not None
    assert old_card_id in {derive_card_id(key, typed) for key in ring.keys}


def test_a_code_is_shown_only_on_purpose() -> None:
    code = Code(TYPED)
    for text in (str(code), repr(code), f"{code}", f"{code!r:>40}", f"{[code]}"):
        assert TYPED not in text
        assert code.shown not in text
        assert code.last4 not in text
    assert code.shown == "4G3J-N0SA-16MW-5H7T"
    assert code.last4 == "5H7T"


def test_a_key_never_shows_its_secret() -> None:
    for value in (OLD_KEY, KeyRing((OLD_KEY,))):
        for text in (str(value), repr(value)):
            assert "first key" not in text
            assert "2026" in text


def test_r5_r30_a_person_is_never_printed() -> None:
    command = issue(
        message="Joyeux anniversaire !", recipient=Contact("B. B.", "b@b.example", "de")
    )
    for value in (BUYER, command):
        for text in (str(value), repr(value)):
            for secret in ("Amélie", "amelie@", "fr-FR", "B. B.", "b@b.example", "Joyeux"):
                assert secret not in text


def test_a_recorded_answer_is_never_printed() -> None:
    record = RequestRecord(RequestKey("caller", "id"), "Issue", answer=b"what the edge wrote")
    assert "what the edge wrote" not in repr(record)
