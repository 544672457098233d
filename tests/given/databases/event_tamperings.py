"""Tamperings with events, and for each the invariant that detects it; see `tamperings.py`."""

from typing import Final

EVENT_TAMPERINGS: Final[dict[str, tuple[str, ...]]] = {
    "event_positions_have_no_gap": (
        "DELETE FROM event WHERE position = 3",
        "DELETE FROM event WHERE position = 1",
        "UPDATE event SET position = position + 1000 WHERE position > 5",
        "UPDATE event_removal SET last_position = 2",
    ),
    "event_is_told_once": (
        (
            "INSERT INTO new_event SELECT card_id, version, ordinal, type, market, currency,"
            " card_state, authorization_id, order_id, purchase_order_id, payment_method,"
            " payment_reference, amount_minor, other_tender_minor, forfeited_minor,"
            " restored_minor, related_card_id, occurred_at FROM event WHERE position = 1"
        ),
    ),
    "events_of_a_card_are_in_the_order_of_its_versions": (
        "UPDATE event SET position = 10000 - position",
    ),
    "posting_has_its_event": (
        "DELETE FROM event WHERE type = 'CARD_HELD'",
        "UPDATE event SET amount_minor = amount_minor + 1 WHERE type = 'CARD_ISSUED'",
        "UPDATE event SET occurred_at = occurred_at + 1 WHERE type = 'CARD_EXPIRED'",
        "UPDATE event SET related_card_id = {active} WHERE type = 'ORDER_REFUNDED'",
        "UPDATE event SET related_card_id = {active} WHERE type = 'CARD_REDEEMED'",
        "UPDATE event SET restored_minor = 0 WHERE restored_minor > 0",
    ),
    "event_has_its_posting": (
        "UPDATE event SET type = 'CARD_EXPIRED' WHERE type = 'CARD_HELD'",
        "UPDATE event SET amount_minor = amount_minor - 1 WHERE type = 'CARD_REDEEMED'",
        "DELETE FROM posting WHERE kind = 'LAPSE'",
    ),
    "event_tells_what_else_moved": (
        "UPDATE event SET forfeited_minor = 1 WHERE type = 'CARD_REDEEMED'",
        "UPDATE event SET restored_minor = 1 WHERE type = 'ORDER_REFUNDED'",
        "UPDATE event SET amount_minor = 1 WHERE type = 'ORDER_REFUNDED'",
    ),
    "event_is_of_its_card": (
        "UPDATE event SET market = 'de'",
        "UPDATE event SET currency = 'CHF'",
        "UPDATE event SET version = version + 100",
        "UPDATE event SET card_id = card_id || '0'",
    ),
    "event_names_its_order": (
        "UPDATE event SET order_id = 'another' WHERE order_id IS NOT NULL",
        "UPDATE event SET order_id = NULL WHERE order_id IS NOT NULL",
        "UPDATE event SET authorization_id = {hold} WHERE type = 'CARD_REDEEMED'",
    ),
    "event_names_its_purchase": (
        "UPDATE event SET payment_reference = 'another' WHERE type = 'CARD_ISSUED'",
        "UPDATE event SET payment_method = 'OTHER' WHERE type = 'CARD_ISSUED'",
        "UPDATE event SET purchase_order_id = NULL WHERE type = 'CARD_CANCELLED'",
    ),
    "replacement_is_told_with_what_it_replaces": (
        (
            "UPDATE event SET related_card_id = {active}"
            " WHERE type = 'CARD_ISSUED' AND related_card_id IS NOT NULL"
        ),
        "UPDATE event SET amount_minor = amount_minor + 1 WHERE card_id = {back}",
    ),
    "card_is_as_its_last_event_says": (
        "UPDATE event SET card_state = 'ACTIVE' WHERE card_id = {held}",
        "DELETE FROM event WHERE card_id = {active}",
    ),
    "card_is_blocked_as_its_events_say": (
        "UPDATE card SET blocked = NOT blocked WHERE card_id = {used}",
        # No longer blocked, in spite of an event with a position; of one without; of a bought card.
        "UPDATE card SET blocked = FALSE, blocked_at = NULL WHERE blocked",
        (
            "INSERT INTO new_event SELECT card_id, version + 1, ordinal, 'CARD_BLOCKED', market,"
            " currency, 'BLOCKED', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
            " occurred_at FROM event WHERE card_id = {active} AND type = 'CARD_ISSUED'"
        ),
        "UPDATE event SET card_state = 'BLOCKED' WHERE card_id = {active} AND type = 'CARD_ISSUED'",
        "UPDATE event SET type = 'CARD_UNBLOCKED' WHERE type = 'CARD_BLOCKED'",
    ),
    "refund_to_other_tenders_is_told": (
        (
            "UPDATE event SET other_tender_minor = other_tender_minor + 1"
            " WHERE type = 'ORDER_REFUNDED'"
        ),
        "DELETE FROM event WHERE type = 'ORDER_REFUNDED' AND amount_minor = 0",
    ),
    "redeemed_card_is_told_with_other_tenders": (
        "UPDATE event SET other_tender_minor = 1 WHERE type = 'CARD_REDEEMED'",
    ),
    "confirmation_has_its_event": (
        "DELETE FROM event WHERE type = 'REFUND_PAID'",
        "UPDATE event SET amount_minor = 1 WHERE type = 'REFUND_PAID'",
    ),
    "payment_event_has_its_confirmation": (
        "UPDATE event SET amount_minor = 1 WHERE type = 'REFUND_PAID'",
        "UPDATE event SET occurred_at = 1 WHERE type = 'REFUND_PAID'",
    ),
}
