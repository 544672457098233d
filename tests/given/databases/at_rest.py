"""The bytes of a database at rest: its files and its log, or a dump of it."""

import base64
import json
from collections.abc import Iterator

from giftcard_storage.database import DatabaseUrl
from giftcard_storage.engines import POSTGRESQL
from given.databases.postgresql_process import PostgresqlProcess


def everything_at_rest(url: DatabaseUrl, postgresql: PostgresqlProcess) -> bytes:
    """Return the bytes of a database file and its log, or the dump of a database on a server."""
    if url.engine is POSTGRESQL:
        return postgresql.dump(url.location)
    files = [path for path in url.path.parent.iterdir() if path.name.startswith(url.path.name)]
    return b"".join(path.read_bytes() for path in sorted(files))


def ways_to_write(text: str | bytes) -> list[bytes]:
    """Return the ways in which a text may be written: as it is, in hex, as JSON, in base64."""
    plain = text.encode() if isinstance(text, str) else text
    escaped = [json.dumps(text)[1:-1].encode()] if isinstance(text, str) else []
    return [plain, plain.hex().encode(), plain.hex().upper().encode(), *escaped, *_base64(plain)]


def _base64(plain: bytes) -> Iterator[bytes]:
    """Yield what base64 makes of bytes at each of the three places where they can begin."""
    for ahead in range(3):
        first, last = -(-ahead * 8 // 6), (ahead + len(plain)) * 8 // 6
        yield base64.b64encode(bytes(ahead) + plain)[first:last]
