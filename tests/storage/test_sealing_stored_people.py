"""Migration 0002 seals the people who were stored before it, and leaves no clear text."""

import random
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from giftcard_rules.decisions import Person
from giftcard_storage import versions
from giftcard_storage.database import DatabaseUrl, connect, has_cards, migrate, require_schema
from giftcard_storage.errors import DatabaseRefusedError
from giftcard_storage.people import ActingFor, people_of
from given.databases.at_rest import everything_at_rest, ways_to_write
from given.databases.former import former_database, former_file, insert, rows_of
from given.databases.kinds import Kind
from given.databases.postgresql_process import PostgresqlProcess
from given.made_facts import RING

# The clear text of people, by the primary key of `person`.
InClear = dict[tuple[str, str, str], list[str]]
# The migrations that follow upon the one that made these databases.
LATER: Final = sorted(path.stem for path in versions.MIGRATIONS.glob("[0-9]*.py"))[1:]
# More than the migration has in memory at a time; the chunks split cards of several people.
MANY: Final = 3000
# Parts of each of their names and addresses: to look for all of those takes half a minute.
PARTS: Final[InClear] = {
    ("any card", "any role", ""): ["PURCHASER of 0", "CUSTOMER of 0", "@example.com"]
}


@pytest.fixture
def former(kind: Kind, tmp_path: Path, postgresql: PostgresqlProcess) -> DatabaseUrl:
    """A former database of each kind."""
    return former_database(kind, tmp_path, postgresql)


def add_many(url: DatabaseUrl) -> InClear:
    """Add people in random order, as cards are sold, so that the table's pages split and merge."""
    (card,) = [row for row in rows_of("card") if row[9]]  # Any card, for the other columns.
    ids = [f"{number:032x}" for number in range(MANY // 3)]
    insert(url, "card", [[card_id, *card[1:]] for card_id in ids])
    people = [
        [card_id, role, made, f"{role} of {card_id}", f"{made}{card_id}@example.com", "fr-FR", ""]
        for card_id in ids
        for role, made in (("PURCHASER", ""), ("CUSTOMER", "one"), ("CUSTOMER", "two"))
    ]
    random.Random(2).shuffle(people)  # noqa: S311 - the same order in every run
    insert(url, "person", people)
    return {(row[0], row[1], row[2]): row[3:] for row in people}


def former_in_clear() -> InClear:
    return {(row[0], row[1], row[2]): row[3:] for row in rows_of("person")}


def readable(url: DatabaseUrl, in_clear: InClear) -> InClear:
    """Return the people of those cards who can be read."""
    with closing(connect(url)) as connection:
        found = [
            each
            for card_id in {card_id for card_id, _, _ in in_clear}
            for each in people_of(connection, RING, card_id, ActingFor.SUPPORT)
        ]
    return {
        (each.card_id, each.role.value, each.authorization_id or ""): [
            each.contact.name,
            each.contact.email,
            each.contact.locale,
            each.message,
        ]
        for each in found
        if isinstance(each, Person)
    }


def left_in_clear(content: bytes, in_clear: InClear) -> list[str]:
    texts = {text for values in in_clear.values() for text in values if text}
    return [text for text in texts if any(way in content for way in ways_to_write(text))]


def test_every_person_is_sealed_and_no_clear_text_is_left(
    former: DatabaseUrl, postgresql: PostgresqlProcess
) -> None:
    in_clear = former_in_clear()
    assert left_in_clear(everything_at_rest(former, postgresql), in_clear)
    assert migrate(former, RING) == LATER
    require_schema(former)
    assert readable(former, in_clear) == in_clear
    assert left_in_clear(everything_at_rest(former, postgresql), in_clear) == []
    assert migrate(former) == []


@pytest.mark.slow
def test_more_people_than_are_in_memory_at_a_time_are_sealed_with_a_data_key_for_each(
    former: DatabaseUrl, postgresql: PostgresqlProcess
) -> None:
    in_clear = add_many(former)
    migrate(former, RING)
    assert readable(former, in_clear) == in_clear
    assert left_in_clear(everything_at_rest(former, postgresql), PARTS) == []
    with closing(connect(former)) as connection:
        counts = connection.execute_sql(
            "SELECT (SELECT COUNT(*) FROM data_key), (SELECT COUNT(*) FROM person)"
        ).fetchone()
    assert counts[0] == counts[1] > len(in_clear)


def test_without_a_ring_the_database_is_refused_and_stays_as_it_is(
    former: DatabaseUrl, postgresql: PostgresqlProcess
) -> None:
    before = everything_at_rest(former, postgresql)
    with pytest.raises(DatabaseRefusedError, match="needs the key ring of its servers") as caught:
        migrate(former)
    assert str(caught.value).startswith("refusing the database")
    assert everything_at_rest(former, postgresql) == before
    assert migrate(former, RING) == LATER


def test_a_database_without_people_needs_no_ring(kind: Kind, former: DatabaseUrl) -> None:
    with closing(connect(former)) as connection:
        connection.execute_sql("DELETE FROM person")
    assert migrate(former) == LATER
    if kind is Kind.SQLITE:
        assert not is_to_be_rewritten(former)


def is_to_be_rewritten(url: DatabaseUrl) -> bool:
    with closing(connect(url)) as connection:
        (marked,) = connection.execute_sql("PRAGMA user_version").fetchone()
    return bool(marked)


@pytest.fixture
def embedded_former(tmp_path: Path) -> DatabaseUrl:
    """A former file, for tests of files alone."""
    return former_file(tmp_path)


def test_a_file_whose_server_was_killed_before_it_was_rewritten_is_rewritten_next_time(
    embedded_former: DatabaseUrl, postgresql: PostgresqlProcess
) -> None:
    in_clear = add_many(embedded_former)
    # The steps of `migrate`, up to the moment at which it is killed.
    with closing(connect(embedded_former)) as connection:
        connection.execute_sql("PRAGMA secure_delete = 0")
        versions.up(connection, RING)
    assert is_to_be_rewritten(embedded_former)
    assert left_in_clear(everything_at_rest(embedded_former, postgresql), PARTS)
    assert migrate(embedded_former) == []
    assert not is_to_be_rewritten(embedded_former)
    assert left_in_clear(everything_at_rest(embedded_former, postgresql), PARTS) == []
    assert readable(embedded_former, in_clear) == in_clear


def test_a_file_that_cannot_be_rewritten_is_refused_until_it_can(
    embedded_former: DatabaseUrl,
) -> None:
    in_the_way = embedded_former.path.with_name(f"{embedded_former.path.name}.compact")
    in_the_way.mkdir()
    for _ in range(2):
        with pytest.raises(DatabaseRefusedError, match="nothing can be written beside it"):
            migrate(embedded_former, RING)
    in_the_way.rmdir()
    assert migrate(embedded_former) == []
    assert not is_to_be_rewritten(embedded_former)
    assert not in_the_way.exists()


def test_a_migrated_file_is_still_recognized_as_ours(embedded_former: DatabaseUrl) -> None:
    migrate(embedded_former, RING)
    assert has_cards(embedded_former)
