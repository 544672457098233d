"""Nobody gets mail about what happened before there was mail."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from giftcard_storage.database import connect, migrate
from given.databases.kinds import Databases, Kind, Place
from given.databases.stored_books import books_on, play_everything
from given.made_facts import RING, request_key
from given.servers.mail_flow import mail_flow
from given.servers.mailbox import mailbox

FORMER = Path(__file__).parents[2] / "storage" / "database_0007.db"
BEFORE_MAIL = "0009_deliveries"


def kept_file(place: Place) -> None:
    """A database that a former version has made, with many events."""
    shutil.copy(FORMER, place.database_url.path)


def migrated_back(place: Place) -> None:
    """A database as it was before this migration; nothing gave positions to its last events."""
    url = place.database_url
    connection = connect(url)
    for statement in (
        "DROP TABLE delivery",
        "DROP TABLE mail_position",
        f"DELETE FROM schema_migration WHERE name = '{BEFORE_MAIL}'",  # noqa: S608 - our own
    ):
        connection.execute_sql(statement)
    play_everything(books_on(connection))
    connection.close()


@pytest.mark.parametrize(
    ("kind", "make"),
    [(Kind.SQLITE, kept_file), (Kind.POSTGRESQL, migrated_back)],
    indirect=["kind"],
)
def test_cards_of_before_are_not_mailed_and_those_from_now_on_are(
    kind: Kind, databases: Databases, tmp_path: Path, make: Callable[[Place], None]
) -> None:
    with databases.own(kind, tmp_path) as place, mailbox() as box:
        if kind is Kind.POSTGRESQL:
            migrate(place.database_url, RING)
        make(place)
        migrate(place.database_url, RING)
        with mail_flow(place, box) as flow:
            ((events,),) = flow.connection.execute_sql("SELECT COUNT(*) FROM event").fetchall()
            assert events > 20
            flow.round()
            assert flow.connection.execute_sql("SELECT * FROM delivery").fetchall() == []
            today = request_key("a caller of today")
            flow.books.bought(key=today, order_id="today", payment_reference="today")
            flow.round()
        assert len(box.arrived) == 2
