"""The constraints of pauses and of issued value, and a statement that each of them refuses."""

from typing import Final

SWITCH_CHECKS: Final = {
    "pause_of_what_can_be_paused": "INSERT INTO pause VALUES ('fr', 'capture', 1, 'ops', 'odd')",
    "issued_value_is_money": "INSERT INTO issued_value VALUES ('shop', 'fr', 1, 'here', 0)",
}
SWITCH_UNIQUE: Final = {
    "pause.market, pause.act": (
        "INSERT INTO pause VALUES ('fr', 'issue', 1, 'ops', 'odd'), ('fr', 'issue', 2, 'me', '')"
    ),
    "issued_value.caller, issued_value.market, issued_value.slice_at, issued_value.server_id": (
        "INSERT INTO issued_value VALUES ('shop', 'fr', 1, 'here', 1), ('shop', 'fr', 1, 'here', 2)"
    ),
}
