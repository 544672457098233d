"""Any settings and any key file are read, or refused with a mistake."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final
from unittest.mock import patch

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from giftcard_server.errors import KeysRefusedError, SettingsError
from giftcard_server.keys import key_file
from giftcard_server.settings import Settings
from giftcard_server.settings_reading import read_settings
from given.fuzzing import bounded

pytestmark = [pytest.mark.one_database, pytest.mark.fuzz]

NAMES: Final = sorted(Settings.model_fields)
# Settings whose value is a secret, or may hold one.
SECRET: Final = ("database_url", "keys", "attempts_redis_url")
LONG_ENOUGH_TO_TELL: Final = 12

# No environment holds these: NUL ends a value, and lone surrogates are no text.
TEXT: Final = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
LIKELY: Final = st.sampled_from(
    [
        *("", "0", "-1", "1", "1e400", "true", "nan", "{}", "[]", "[[]]", "null", "\N{SNOWMAN}"),
        *("127.0.0.1:1", "[::1]:99999", ":", "sqlite:///", "sqlite:///x?y", "postgresql://[/x"),
        *("postgresql://a:b@h:port/d", "redis://", "k1 00", '{"x": ["checkout"]}', "[" * 5000),
    ]
)
VALUES: Final = st.one_of(LIKELY, TEXT)
TOML_VALUES: Final = st.one_of(
    st.sampled_from(["1", "-1", "1e400", "nan", "true", '""', "[]", "[1, 'a']", "{}", "{a = 1}"]),
    st.sampled_from(["1979-05-27", "{x = ['checkout']}", "[[[[[]]]]]", "'''", "\\", "{fr = {}}"]),
    TEXT.map(repr),
)
TABLES: Final = st.sampled_from(["", "[markets.fr]\n", "[markets.xx]\n", "[callers]\n", "[[x]]\n"])
KEYS: Final = st.sampled_from([*NAMES, "currency", "time_zone", "designs", "a.b", '"ü"'])
LINES: Final = st.lists(st.tuples(TABLES, KEYS, TOML_VALUES), max_size=6)
CONFIGS: Final = st.one_of(
    TEXT.map(str.encode),
    st.binary(max_size=60),
    LINES.map(lambda lines: "\n".join(f"{t}{key} = {value}" for t, key, value in lines).encode()),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")


def message(environment: dict[str, str]) -> str:
    """Return the mistakes of the settings, and an empty text where there are none."""
    with patch.dict(os.environ, environment):
        try:
            read_settings()
        except SettingsError as error:
            return str(error)
    return ""


@bounded(300)
@given(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5))
def test_any_environment_is_read_or_refused(values: dict[str, str]) -> None:
    message({f"GIFTCARD_{name.upper()}": value for name, value in values.items()})


@bounded(200)
@given(st.sampled_from(SECRET), TEXT.filter(lambda text: len(text) >= LONG_ENOUGH_TO_TELL))
def test_no_mistake_quotes_what_is_secret(name: str, value: str) -> None:
    variable = f"GIFTCARD_{name.upper()}"
    assume(value not in message({variable: "?"}))  # Part of every mistake.
    assert value not in message({variable: value})


def test_any_file_of_settings_is_read_or_refused(folder: Path) -> None:
    path = folder / "giftcard.toml"

    @bounded(300)
    @given(CONFIGS)
    def every_file(config: bytes) -> None:
        path.write_bytes(config)
        message({"GIFTCARD_CONFIG": str(path)})

    every_file()


def test_any_key_file_is_read_or_refused(folder: Path) -> None:
    path = folder / "keys"
    path.touch(0o600)
    lines = st.lists(
        st.tuples(st.sampled_from(["k1", "k2", "", "#", "K", "k" * 17]), st.binary(max_size=40))
    )
    files = st.one_of(
        st.binary(max_size=200),
        lines.map(lambda each: "\n".join(f"{key_id} {key.hex()}" for key_id, key in each).encode()),
    )

    @bounded(200)
    @given(files)
    def every_file(held: bytes) -> None:
        path.write_bytes(held)
        with suppress(KeysRefusedError):
            assert key_file.read(path).first.secret

    every_file()
