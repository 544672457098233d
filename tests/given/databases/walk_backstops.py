"""The constraints of the audit's one row, and a statement that each of them refuses."""

from typing import Final

WALK_CHECKS: Final = {
    "audit_walk_is_one": (
        "INSERT INTO audit_walk VALUES (2, 'here', 1, 'card', NULL, 1, 0, 0, NULL, NULL)"
    ),
}
WALK_UNIQUE: Final = {
    "audit_walk.audit_id": (
        "INSERT INTO audit_walk VALUES (1, 'here', 1, 'card', NULL, 1, 0, 0, NULL, NULL),"
        " (1, 'there', 1, 'card', NULL, 1, 0, 0, NULL, NULL)"
    ),
}
