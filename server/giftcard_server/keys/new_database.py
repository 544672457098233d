"""Whether an empty database is meant to be: a wrong mount looks like a new one.

A ring that has been there for long had cards under it, most likely. Where its database has none,
and is much younger than the ring, or empty as a file, the cards are somewhere else.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from giftcard_server.errors import StartRefusedError

if TYPE_CHECKING:
    from giftcard_server.keys.settings import KeySettings
    from giftcard_server.shared_overview import SharedOverview

BY_FAR: Final = timedelta(days=1)
_MEANT: Final = (
    "Is the right folder mounted, and the right server named? If this database is meant to be"
    " empty, start with `giftcard serve --new-database` (GIFTCARD_NEW_DATABASE=true) until it has"
    " its first card"
)


def require_file(settings: KeySettings) -> None:
    """Raise `StartRefusedError` where an embedded database is gone or empty, and its ring is there.

    It is called before the ring and the database are made.
    """
    if settings.new_database or not settings.database_url.engine.has_one_writer:
        return
    path, ring_since = settings.database_url.path, _ring_since(settings)
    has_ring = settings.keys is not None or ring_since is not None
    if path.is_file():
        if has_ring and not path.stat().st_size:
            _refuse(f"the database file {path} is empty, and there is a key ring for its cards")
    elif ring_since is not None and datetime.now(UTC) - ring_since > BY_FAR:
        _refuse(
            f"there is no database file {path}, and the key ring {settings.key_path} has been"
            f" there since {_day(ring_since)}"
        )


def require_age(settings: KeySettings, overview: SharedOverview) -> None:
    """Raise `StartRefusedError` where a database without cards is younger than its ring by far."""
    ring_since = _ring_since(settings)
    if settings.new_database or ring_since is None or overview.has_cards():
        return
    made_at = overview.made_at()
    if made_at - ring_since > BY_FAR:
        _refuse(
            f"{settings.database_url} was made on {_day(made_at)} and has no cards, and the key"
            f" ring {settings.key_path} has been there since {_day(ring_since)}"
        )


def _ring_since(settings: KeySettings) -> datetime | None:
    """Return when the ring's file was last changed; None where there is none (yet)."""
    has_file = settings.key_file is not None or settings.database_url.engine.has_one_writer
    if settings.keys is not None or not has_file or not settings.key_path.is_file():
        return None
    return datetime.fromtimestamp(settings.key_path.stat().st_mtime, UTC)


def _day(at: datetime) -> str:
    return at.date().isoformat()


def _refuse(why: str) -> None:
    message = f"{why}. {_MEANT}"
    raise StartRefusedError(message)
