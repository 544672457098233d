"""The ring, the database, its cards and its clock, in the order in which a server opens them."""

from __future__ import annotations

from contextlib import ExitStack, closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from giftcard_server.doctor.findings import ok, warn, wrong
from giftcard_server.errors import StartRefusedError
from giftcard_server.keys.key_ring import existing_ring_of
from giftcard_server.keys.known_cards import mistakes_of, out_of_reach
from giftcard_server.keys.new_database import require_age, require_file
from giftcard_server.known_terms import TO_DO, unfitting
from giftcard_server.opening import judged_clock_of
from giftcard_server.shared_overview import SharedOverview
from giftcard_storage import database, sandbox
from giftcard_storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from giftcard_server.doctor.findings import Finding
    from giftcard_server.settings import Settings
    from giftcard_storage.engines.engine import Room
    from giftcard_storage.versions import Planned

RING: Final = "ring"
DATABASE: Final = "database"
DISK: Final = "disk"
CARDS: Final = "cards"
CLOCK: Final = "clock"

_MEBIBYTE: Final = 1024 * 1024
# A batch takes little. A migration may write the file anew, beside itself.
_LEAST_FREE_BYTES: Final = 256 * _MEBIBYTE
_FIRST: Final = "0001"
_RIGHT_ONE: Final = (
    "see that GIFTCARD_DATABASE_URL names the right database, that it is up and has room"
)
_MIGRATE: Final = "run `giftcard migrate`; with --dry-run it says what that means for servers"
_PUT_BACK: Final = "put the former ring back, or the database that belongs to this one"


def ring(settings: Settings) -> Iterator[Finding]:
    """Look at the key ring, and whether the database beside it can be the one that it had."""
    try:
        require_file(settings)
    except StartRefusedError as error:
        yield wrong(RING, str(error), _PUT_BACK)
    try:
        found = existing_ring_of(settings)
    except (StartRefusedError, StorageError) as error:
        to_do = "correct GIFTCARD_KEY_FILE, GIFTCARD_KEYS or the file's mode"
        yield wrong(RING, str(error), f"{to_do}; `giftcard keys` makes and lists rings")
        return
    if found is None:
        yield ok(RING, f"there is none yet: a server makes {settings.key_path}")
    else:
        place = "GIFTCARD_KEYS" if settings.keys is not None else settings.key_path
        yield ok(RING, f"{place}: keys {', '.join(key.key_id for key in found.keys)}")


def stored(settings: Settings) -> Iterator[Finding]:
    """Look at the database, and where it can be used, at its cards and at the clock."""
    url = settings.database_url
    try:
        planned = database.planned(url)
        inspection = database.inspect(url)
    except StorageError as error:
        yield wrong(DATABASE, str(error), _RIGHT_ONE)
        return
    if inspection.room is not None:
        yield _disk(inspection.room, settings)
    found = [wrong(DATABASE, each, "change it on PostgreSQL") for each in inspection.mistakes]
    found += [warn(DATABASE, each, "see docs/operator.md") for each in inspection.doubts]
    found += _pending(settings, planned)
    if not planned:
        found += _usable(settings)
    yield from found or [ok(DATABASE, f"{url} ({inspection.about}): it answers, and is written to")]
    if not planned:
        yield from _guarded(settings)


def _pending(settings: Settings, planned: Sequence[Planned]) -> Iterator[Finding]:
    """Yield what a server or `giftcard migrate` has to do first."""
    if not planned:
        return
    url = settings.database_url
    names = ", ".join(each.name for each in planned)
    if url.engine.is_migrated_by_command and not settings.migrate_on_start:
        yield wrong(DATABASE, f"{url} lacks the migrations {names}", _MIGRATE)
    elif any(each.name.startswith(_FIRST) for each in planned):
        yield ok(DATABASE, f"{url} is new: a server makes its tables when it starts")
    else:
        yield warn(
            DATABASE,
            f"{url} lacks {names}, which a server runs when it starts",
            "take a backup first; `giftcard migrate --dry-run` says what they mean for servers",
        )


def _usable(settings: Settings) -> Iterator[Finding]:
    url = settings.database_url
    try:
        if not settings.sandbox:
            sandbox.require_none(url)
        why_not = database.why_not_writable(url)  # None: a server is writing, so that one can.
    except StorageError as error:
        yield wrong(DATABASE, str(error), _RIGHT_ONE)
        return
    if why_not:
        yield wrong(DATABASE, f"nothing can be written: {why_not}", "mend that on its machine")


def _disk(room: Room, settings: Settings) -> Finding:
    folder = settings.database_url.path.absolute().parent
    found = f"{room.free_bytes // _MEBIBYTE} MiB are free in {folder}"
    if room.free_bytes >= max(_LEAST_FREE_BYTES, room.file_bytes):
        return ok(DISK, found)
    to_do = "give it more room: a server stops writing at 1 MiB, and a backup takes a second file"
    return warn(DISK, f"{found}, for a database of {room.file_bytes // _MEBIBYTE} MiB", to_do)


def _guarded(settings: Settings) -> Iterator[Finding]:
    """Yield what is found on a database of this schema; it may go away meanwhile."""
    try:
        yield from _cards(settings)
        yield from _clock(settings)
    except StorageError as error:
        yield wrong(DATABASE, f"it went away: {error}", _RIGHT_ONE)


def _cards(settings: Settings) -> Iterator[Finding]:
    """Compare what the cards need with the ring and with the markets of the settings."""
    found: list[Finding] = []
    with closing(SharedOverview(settings.database_url)) as overview:
        try:
            require_age(settings, overview)
            keys = existing_ring_of(settings)
        except StartRefusedError as error:
            found, keys = [wrong(CARDS, str(error), _PUT_BACK)], None
        holdings, markets = overview.holdings(), settings.known_markets
        if keys is not None:
            known = (overview.keys_in_use(), overview.made_by, keys, markets)
            to_do = "put the key into the ring, and the market into the settings"
            found += [wrong(CARDS, each, to_do) for each in mistakes_of(holdings, *known)]
            lost = out_of_reach(overview.sealed(), keys)
            found += [
                warn(
                    CARDS, f"people of {cards} cards are out of reach without the key {key}", to_do
                )
                for key, cards in lost.items()
            ]
        terms = unfitting(overview, markets, datetime.now(UTC))
        found += [wrong(CARDS, each, TO_DO) for each in terms]
    count = sum(each.cards for each in holdings)
    yield from found or [ok(CARDS, f"the settings have what the {count} cards need")]


def _clock(settings: Settings) -> Iterator[Finding]:
    if settings.sandbox:
        yield ok(CLOCK, "a sandbox has a clock of its own")
        return
    with ExitStack() as opened:
        why = judged_clock_of(settings, opened, None, marks=False).why_wrong()
    if why:
        to_do = "set the clock that is wrong (NTP); `giftcard clock accept` says that it is right"
        yield wrong(CLOCK, why, to_do)
    else:
        yield ok(CLOCK, "no other clock contradicts that of this machine")
