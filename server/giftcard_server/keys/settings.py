"""Settings of the database, and of the key ring that its cards need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, InstanceOf, PlainSerializer
from pydantic_settings import NoDecode

from giftcard_rules.codes import KeyRing
from giftcard_server.keys.key_file import ring_of_setting
from giftcard_storage.database import DatabaseUrl


def _database_url(value: object) -> object:
    return DatabaseUrl.parse(value) if isinstance(value, str) else value


def _key_ids(value: object) -> object:
    """Read ids with commas or spaces between them."""
    return value.replace(",", " ").split() if isinstance(value, str) else value


class KeySettings(BaseModel):
    """The ring is a setting, in a file that a setting names, or beside an embedded database."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    # Written out as it is shown, without the password that may be in it.
    database_url: Annotated[
        InstanceOf[DatabaseUrl], NoDecode, BeforeValidator(_database_url), PlainSerializer(str)
    ] = DatabaseUrl.of_file(Path("giftcard.db"))
    """Where all is stored: `sqlite:///relative.db`, `sqlite:////absolute.db`, or
    `postgresql://user:password@host/name` with the parameters of libpq. Use PostgreSQL where more
    than one machine serves."""
    keys: Annotated[InstanceOf[KeyRing] | None, NoDecode, BeforeValidator(ring_of_setting)] = None
    """The key ring itself, in the place of a file, with commas between its keys. For platforms that
    hand out secrets as variables. PostgreSQL needs this or `key_file`."""
    key_file: Path | None = None
    """The file with the key ring; absent: beside the embedded database, and made if it is missing.
    Set it to keep ring and database on different disks."""
    retired_keys: Annotated[frozenset[str], NoDecode, BeforeValidator(_key_ids)] = frozenset()
    """Ids of keys that were taken out of the ring on purpose, with commas between them. Change it
    only as [Keys](operator.md#keys) says."""
    new_database: bool = False
    """Accepts an empty database beside an old key ring, see [New
    databases](operator.md#new-databases). For the first start alone."""

    @property
    def key_path(self) -> Path:
        """The file with the key ring: `key_file`, or the one beside the embedded database."""
        if self.key_file is not None:
            return self.key_file
        path = self.database_url.path
        return path.with_name(f"{path.name}.keys")

    def key_mistakes(self) -> Iterator[str]:
        """Yield a sentence for each combination that cannot work."""
        if self.keys is not None and self.key_file is not None:
            yield "keys and key_file are two rings: set only one of them"
