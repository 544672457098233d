"""The constraints of the tables of events, and for each a statement that it refuses."""

# ruff: noqa: S608 - the statements are made of our own texts

from typing import Final

_COLUMNS: Final = "card_id, version, ordinal, type, market, currency, card_state, occurred_at"
_REST: Final = "'fr', 'EUR', 'ACTIVE', 1"


def _checks(table: str, before: str, position: str) -> dict[str, str]:
    """Return the CHECKs that both tables have; `before` and `position` are of the first column."""
    return {
        f"{table}_type": (
            f"INSERT INTO {table} ({before}{_COLUMNS})"
            f" VALUES ({position}'card', 1, 0, 'CARD_LOST', {_REST})"
        ),
        f"{table}_has_its_place": (
            f"INSERT INTO {table} ({before}{_COLUMNS})"
            f" VALUES ({position}'card', 0, 0, 'CARD_BLOCKED', {_REST})"
        ),
        f"{table}_tells_no_less_than_nothing": (
            f"INSERT INTO {table} ({before}amount_minor, {_COLUMNS})"
            f" VALUES ({position}-1, 'card', 1, 0, 'CARD_BLOCKED', {_REST})"
        ),
    }


EVENT_CHECKS: Final = {
    **_checks("event", "position, ", "9999, "),
    **_checks("new_event", "", ""),
    "event_position_is_positive": (
        f"INSERT INTO event (position, {_COLUMNS})"
        f" VALUES (0, 'card', 1, 0, 'CARD_BLOCKED', {_REST})"
    ),
    "event_lease_is_one": "INSERT INTO event_lease VALUES (2, '', 0, 0)",
    "event_generation_has_its_place": "INSERT INTO event_generation VALUES (0, 'again', 0, 1)",
    "event_removal_is_one": "INSERT INTO event_removal VALUES (2, 0, 0)",
    "event_removal_goes_forward": "UPDATE event_removal SET last_position = -1",
}

EVENT_UNIQUE: Final = {
    "event.position": (
        f"INSERT INTO event (position, {_COLUMNS})"
        f" VALUES (1, 'card', 1, 0, 'CARD_BLOCKED', {_REST})"
    ),
    "event.card_id, event.version, event.ordinal": (
        f"INSERT INTO event (position, {_COLUMNS})"
        f" SELECT 9999, {_COLUMNS} FROM event WHERE position = 1"
    ),
    "new_event.card_id, new_event.version, new_event.ordinal": (
        f"INSERT INTO new_event ({_COLUMNS}) VALUES ('card', 1, 0, 'CARD_BLOCKED', {_REST}),"
        f" ('card', 1, 0, 'CARD_BLOCKED', {_REST})"
    ),
    "event_lease.lease_id": "INSERT INTO event_lease VALUES (1, '', 0, 0)",
    "event_generation.ordinal": "INSERT INTO event_generation VALUES (1, 'again', 0, 1)",
    "event_generation.generation": (
        "INSERT INTO event_generation SELECT 2, generation, 0, 1 FROM event_generation"
    ),
    "event_removal.removal_id": "INSERT INTO event_removal VALUES (1, 0, 0)",
}

EVENT_TRIGGERS: Final = {
    "event_is_append_only_update": "UPDATE event SET amount_minor = 1",
    "event_is_append_only_delete": "DELETE FROM event",
    "event_generation_is_append_only_update": "UPDATE event_generation SET common_position = 1",
    "event_generation_is_append_only_delete": "DELETE FROM event_generation",
}
EVENT_EMPTYING: Final = {
    "event_is_append_only_truncate": "TRUNCATE event",
    "event_generation_is_append_only_truncate": "TRUNCATE event_generation",
}
