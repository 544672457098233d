"""Events that a consumer has saved as lines of JSON, and those of them that the service lacks now.

After a restore these are the list to work through: money that somebody believes was spent, or
cards that somebody believes were sold. Nothing here has a code or a person, as no event has.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from giftcard_client import Event, Events, GenerationChanged, PositionGone
from giftcard_client.cli.output import answer_json

# Positions count within a generation, so the same event may be told at another one.
PLACE = {"position", "generation"}
# What tells an event from every other, also from one with its id in a later generation.
NEEDED: dict[str, type] = {"event_id": str, "occur_time": str, "position": int, "generation": str}
PAGE = 1000

Saved = dict[str, Any]


class NotAnEventError(ValueError):
    """A line of the file is no event as `giftcard events tail --output json` writes them."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of it: the saved events that the service lacks, in the order of the file.

    `removed` counts saved events that are older than all that the service still keeps, so that
    nothing can be said about them; `compared` counts all others.
    """

    lacking: tuple[Saved, ...]
    compared: int
    removed: int


def saved_events(lines: Iterable[str]) -> Iterator[Saved]:
    """Yield the events of a file, each once. Raises NotAnEventError, which names the line."""
    seen: set[tuple[str, int]] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        saved = _event_of(line)
        if saved is None:
            message = f"line {number} is no event of `giftcard events tail --output json`"
            raise NotAnEventError(message)
        # A consumer may be told an event again.
        place = (saved["generation"], saved["position"])
        if place not in seen:
            seen.add(place)
            yield saved


def compare(log: Events, saved: Iterable[Saved]) -> Comparison:
    """Compare saved events with those of the service, which are read page by page.

    Raises GiftCardError where the service does not answer or refuses the caller.
    """
    generations: dict[str, list[Saved]] = {}
    for each in saved:
        generations.setdefault(each["generation"], []).append(each)
    lacking: list[Saved] = []
    compared = removed = 0
    for generation, events in generations.items():
        oldest = min(each["position"] for each in events)
        common = _last_common(log, generation)
        after = oldest - 1 if common is None else common
        now, kept_from = _told_after(log, after, {each["event_id"] for each in events})
        for each in events:
            in_common = common is not None and each["position"] <= common
            if not in_common and each["position"] < kept_from:
                removed += 1
                continue
            compared += 1
            if not in_common and not _is_told(each, now.get(each["event_id"], [])):
                lacking.append(each)
    return Comparison(tuple(lacking), compared, removed)


def _event_of(line: str) -> Saved | None:
    try:
        read = json.loads(line)
    except ValueError:
        return None
    if not isinstance(read, dict):
        return None
    fits = all(type(read.get(name)) is kind for name, kind in NEEDED.items())
    return read if fits else None


def _last_common(log: Events, generation: str) -> int | None:
    """Return the last position that a former generation shares with the present; None: this."""
    try:
        log.read(0, limit=1, generation=generation)
    except GenerationChanged as changed:
        return changed.last_common_position
    except PositionGone:
        return None
    return None


def _told_after(log: Events, after: int, wanted: set[str]) -> tuple[dict[str, list[Event]], int]:
    """Return the events after a position that have wanted ids, and the first position looked at."""
    found: dict[str, list[Event]] = {}
    kept_from = 0
    while True:
        try:
            page = log.read(after, limit=PAGE)
        except PositionGone as gone:
            after, kept_from = gone.oldest_position - 1, gone.oldest_position
            continue
        for event in page.events:
            if event.event_id in wanted:
                found.setdefault(event.event_id, []).append(event)
        if page.resume_position <= after or page.resume_position >= page.last_position:
            return found, kept_from
        after = page.resume_position


def _is_told(saved: Saved, told: Iterable[Event]) -> bool:
    """Return whether one of some events says all that a saved one says."""
    for event in told:
        now = json.loads(answer_json(event, {}, show_code=False))
        if all(now.get(name) == value for name, value in saved.items() if name not in PLACE):
            return True
    return False
