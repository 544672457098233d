"""What the settings say of the key ring, and of the database whose cards need it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, InstanceOf
from pydantic_settings import NoDecode

from giftcard_rules.codes import KeyRing
from giftcard_server.keys.key_file import ring_as_told
from giftcard_storage.database import DatabaseUrl


def _database_url(value: object) -> object:
    return DatabaseUrl.parse(value) if isinstance(value, str) else value


class KeySettings(BaseModel):
    """The ring is in a setting, in a file that a setting names, or beside an embedded database."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    database_url: Annotated[InstanceOf[DatabaseUrl], NoDecode, BeforeValidator(_database_url)] = (
        DatabaseUrl.of_file(Path("giftcard.db"))
    )
    keys: Annotated[InstanceOf[KeyRing] | None, NoDecode, BeforeValidator(ring_as_told)] = None
    key_file: Path | None = None

    @property
    def key_path(self) -> Path:
        """Where the key ring is: as told, or beside the embedded database."""
        if self.key_file is not None:
            return self.key_file
        path = self.database_url.path
        return path.with_name(f"{path.name}.keys")

    def key_mistakes(self) -> Iterator[str]:
        """Say what does not fit together."""
        if self.keys is not None and self.key_file is not None:
            yield "keys and key_file would be two rings: set one of them"
