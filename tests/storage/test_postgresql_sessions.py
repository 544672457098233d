"""Sessions on PostgreSQL: settings that are in the URL, and the end of sessions left behind."""

from typing import Any

import psycopg
import pytest
from peewee import Database

from giftcard_storage.database import DatabaseUrl, connect
from giftcard_storage.engines.postgresql_session import settings_of
from giftcard_storage.errors import DatabaseRefusedError

OURS = {"lock_timeout": "1000", "jit": "off"}


@pytest.mark.parametrize(
    ("options", "settings", "left"),
    [
        ("", OURS, ""),
        ("-c lock_timeout=5s", OURS | {"lock_timeout": "5s"}, ""),
        ("-clock_timeout=5s", OURS | {"lock_timeout": "5s"}, ""),
        ("--lock-timeout=5s", OURS | {"lock_timeout": "5s"}, ""),
        ("-c LOCK_TIMEOUT=5s", OURS | {"lock_timeout": "5s"}, ""),
        ("-c lock_timeout=1 -c lock_timeout=2", OURS | {"lock_timeout": "2"}, ""),
        (r"-c lock_timeout=5\ s  -c jit=on", {"lock_timeout": "5 s", "jit": "on"}, ""),
        ("-c search_path=books", OURS, "-csearch_path=books"),
        (r"-c search_path=a,\ b -c jit=on -B 8", OURS | {"jit": "on"}, r"-csearch_path=a,\ b -B 8"),
        ("lock_timeout=5s", OURS, "lock_timeout=5s"),
        ("-c lock_timeout", OURS, "-clock_timeout"),
        ("-c", OURS, "-c"),
    ],
)
def test_what_options_say_of_our_settings_wins_and_the_rest_is_left(
    options: str, settings: dict[str, str], left: str
) -> None:
    assert settings_of(options, OURS) == (settings, left)


def test_a_value_that_a_setting_does_not_take_is_refused_without_it(
    server_url: DatabaseUrl,
) -> None:
    url = DatabaseUrl.parse(f"{server_url.location}?options=-c%20lock_timeout%3Dsecret")
    with pytest.raises(DatabaseRefusedError, match="does not take a setting") as error:
        connect(url)
    assert "secret" not in str(error.value)


def test_a_session_that_its_client_gave_up_is_ended_by_the_next_one(served: Database) -> None:
    database: Any = served
    former: Any = served.connection()
    former.execute("BEGIN")
    former.execute("LOCK TABLE card IN EXCLUSIVE MODE")
    database._state.reset()  # As if the line had gone dead: the server hears nothing.
    served.connect()
    served.execute_sql("SET lock_timeout = '20s'")
    served.execute_sql("UPDATE card SET version = version")
    with pytest.raises(psycopg.errors.AdminShutdown):
        former.execute("SELECT 1")
    former.close()
