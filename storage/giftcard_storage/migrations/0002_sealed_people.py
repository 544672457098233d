"""People are sealed, each card's under a data key of its own; stored people are sealed here.

A migration never changes once it has landed: these models and the sealing are copies on
purpose. `data_keys.py` and `sealing.py` say more about sealing.
"""

from __future__ import annotations

import json
import os
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from peewee import (
    BlobField,
    Check,
    CompositeKey,
    Database,
    ForeignKeyField,
    Model,
    SqliteDatabase,
    TextField,
    Tuple,
)

from giftcard_storage.versions import Effect, RingNeededError, ring_at_hand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playhouse.migrate import SchemaMigrator

Row = tuple[Any, ...]

ROWS_AT_ONCE = 2000  # So many are in memory at a time.
DOMAIN = b"giftcard.v1 personal data"
BLOCK_BYTES = 128
NEEDS_A_RING = (
    "there are people on it who are still to be sealed, which needs the key ring of its"
    " servers: set GIFTCARD_KEY_FILE or GIFTCARD_KEYS as they have it"
)


class Card(Model):
    """A card, as far as foreign keys need it."""

    card_id = TextField(primary_key=True)

    class Meta:
        """Its name in the database."""

        table_name = "card"


class PersonInClear(Model):
    """Names, addresses and messages, in clear text as before this migration."""

    card_id = TextField()
    role = TextField()
    authorization_id = TextField()
    name = TextField()
    email = TextField()
    locale = TextField()
    message = TextField()

    class Meta:
        """Its name from here until it is dropped."""

        table_name = "person_in_clear"
        primary_key = CompositeKey("card_id", "role", "authorization_id")


class DataKey(Model):
    """The key under which a card's people are sealed, wrapped by a key of the ring."""

    card = ForeignKeyField(Card, column_name="card_id", index=False)
    data_key_id = TextField()
    key_id = TextField()
    wrapped = BlobField()

    class Meta:
        """Constraints."""

        table_name = "data_key"
        strict_tables = True
        without_rowid = True
        primary_key = CompositeKey("card", "data_key_id")
        constraints = [
            Check("length(wrapped) = 60", "data_key_is_wrapped"),
        ]


class Person(Model):
    """Names, addresses and messages, sealed."""

    card = ForeignKeyField(Card, column_name="card_id", index=False)
    role = TextField()
    authorization_id = TextField()
    data_key_id = TextField()
    sealed = BlobField()

    class Meta:
        """Constraints."""

        table_name = "person"
        strict_tables = True
        without_rowid = True
        primary_key = CompositeKey("card", "role", "authorization_id")
        constraints = [
            Check("role IN ('PURCHASER', 'RECIPIENT', 'CUSTOMER')", "person_role"),
            Check("length(sealed) >= 156", "person_is_sealed"),
        ]


TABLES = (DataKey, Person)
EFFECT = Effect.FENCES  # Servers of the version before fail at a table that is another one now.


def up(_migrator: SchemaMigrator, database: Database) -> None:
    """Make the tables, seal the stored people, and drop the clear text."""
    embedded = isinstance(database, SqliteDatabase)
    database.execute_sql("ALTER TABLE person RENAME TO person_in_clear")
    if not embedded:
        for table in TABLES:  # Every table of PostgreSQL is strict.
            table._meta.strict_tables = table._meta.without_rowid = False  # noqa: SLF001 - Peewee's own name for them
        database.execute_sql("ALTER INDEX person_pkey RENAME TO person_in_clear_pkey")
    with database.bind_ctx((PersonInClear, *TABLES)):
        database.create_tables(TABLES, safe=False)
        had_people = PersonInClear.select().exists()
        if had_people:
            _seal_everybody()
        PersonInClear.drop_table(safe=False)
    if embedded and had_people:
        # Marks the file to be rewritten: growing trees leave values in freed space of any page.
        database.execute_sql("PRAGMA user_version = 1")


def _seal_everybody() -> None:
    ring = ring_at_hand.get()
    if ring is None:
        raise RingNeededError(NEEDS_A_RING)
    key_id, secret = ring.first.key_id, ring.first.secret
    wrapping = AESGCM(HKDF(SHA256(), 32, salt=None, info=DOMAIN).derive(secret))
    data_keys: list[Row] = []
    people: list[Row] = []
    for card_id, of_card in groupby(_in_clear(), key=itemgetter(0)):
        data_key, data_key_id, nonce = os.urandom(32), os.urandom(8).hex(), os.urandom(12)
        wrapped = wrapping.encrypt(
            nonce, data_key, _context("data key", card_id, data_key_id, key_id)
        )
        data_keys.append((card_id, data_key_id, key_id, nonce + wrapped))
        cipher = AESGCM(data_key)
        people += [(*row[:3], data_key_id, _sealed(cipher, row)) for row in of_card]
        if len(people) >= ROWS_AT_ONCE:
            _save(data_keys, people)
    _save(data_keys, people)


def _in_clear() -> Iterator[Row]:
    """Yield all people in the order of the primary key, fetching some at a time."""
    table = PersonInClear
    key = (table.card_id, table.role, table.authorization_id)
    last: Row = ("", "", "")
    while True:
        after = table.select().where(Tuple(*key) > last).order_by(*key)
        some: list[Row] = list(after.limit(ROWS_AT_ONCE).tuples())  # type: ignore[arg-type] # `tuples` makes tuples of models.
        if not some:
            return
        yield from some
        last = some[-1][: len(key)]


def _sealed(cipher: AESGCM, row: Row) -> bytes:
    card_id, role, authorization_id, *values = row
    text = json.dumps(values, ensure_ascii=False).encode()
    padded = text.ljust(-(-len(text) // BLOCK_BYTES) * BLOCK_BYTES)
    nonce = os.urandom(12)
    return nonce + cipher.encrypt(
        nonce, padded, _context("person", card_id, role, authorization_id)
    )


def _context(*names: str) -> bytes:
    return "".join(f"{len(name)}:{name}" for name in names).encode()


def _save(data_keys: list[Row], people: list[Row]) -> None:
    for table, rows in ((DataKey, data_keys), (Person, people)):
        if rows:
            table.insert_many(rows).execute()
            rows.clear()
