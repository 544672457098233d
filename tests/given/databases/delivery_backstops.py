"""The constraints of the tables of deliveries, and for each a statement that it refuses."""

# ruff: noqa: S608 - the statements are made of our own texts

from typing import Final

_COLUMNS: Final = (
    "delivery_id, card_id, kind, resend_number, market, state, created_at, due_at, next_try_at,"
    " tries, version"
)


def _delivery(
    *, key: str = "'1'", kind: str = "card", resent: int = 0, state: str = "queued"
) -> str:
    row = f"({key}, 'card', '{kind}', {resent}, 'fr', '{state}', 1, 1, 1, 0, 1)"
    return f"INSERT INTO delivery ({_COLUMNS}) VALUES {row}"


DELIVERY_CHECKS: Final = {
    "delivery_kind": _delivery(kind="advertisement"),
    "delivery_state": _delivery(state="lost"),
    "delivery_counts": _delivery(resent=-1),
    "delivery_is_sent_at_some_time": _delivery(state="sent"),
    "delivery_is_claimed_for_a_time": _delivery(state="sending"),
    "delivery_ends_for_a_reason": _delivery(state="parked"),
    "mail_position_is_one": "INSERT INTO mail_position VALUES (2, 0)",
    "mail_position_goes_forward": "UPDATE mail_position SET position = -1",
}
DELIVERY_UNIQUE: Final = {
    "delivery.delivery_id": (
        f"{_delivery()}, ('1', 'card', 'card', 1, 'fr', 'queued', 1, 1, 1, 0, 1)"
    ),
    "delivery.card_id, delivery.kind, delivery.resend_number": (
        f"{_delivery()}, ('2', 'card', 'card', 0, 'fr', 'queued', 1, 1, 1, 0, 1)"
    ),
    "mail_position.mail_position_id": "INSERT INTO mail_position VALUES (1, 0)",
}
