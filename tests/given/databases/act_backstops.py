"""The constraints of acts and proposals, and for each a statement that it refuses."""

from typing import Final

ACT_CHECKS: Final = {
    "act_is_sealed_under_a_key": (
        "INSERT INTO act (card_id, act_id, kind, acted_at, actor, ground, data_key_id)"
        " SELECT MIN(card_id), 'act', 'CARD_BLOCKED', 1, 'anna', 'OTHER', 'key' FROM card"
    ),
    "proposal_has_a_state": "UPDATE proposal SET state = 'FORGOTTEN' WHERE reason IS NULL",
    "proposal_is_closed_by_somebody": "UPDATE proposal SET closed_by = NULL WHERE state <> 'OPEN'",
    "proposal_is_declined_for_a_reason": "UPDATE proposal SET reason = 'X' WHERE state = 'OPEN'",
}

ACT_UNIQUE: Final = {
    "act.card_id, act.act_id, act.kind": "INSERT INTO act SELECT * FROM act",
    "proposal.proposal_id": "INSERT INTO proposal SELECT * FROM proposal",
}

ACT_TRIGGERS: Final = {
    "act_is_append_only_update": "UPDATE act SET kind = 'PERSON_READ'",
    "act_is_append_only_delete": "DELETE FROM act",
}

ACT_EMPTYING: Final = {"act_is_append_only_truncate": "TRUNCATE act"}

ACT_FOREIGN_KEYS: Final = {
    ("act", "card_id", "card"): (
        "INSERT INTO act (card_id, act_id, kind, acted_at, actor, ground)"
        " VALUES ('no card', 'act', 'CARD_BLOCKED', 1, 'anna', 'OTHER')"
    ),
    ("proposal", "card_id", "card"): "UPDATE proposal SET card_id = 'no card'",
}
