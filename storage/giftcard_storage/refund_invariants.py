"""What must hold of refunds that the payment provider owes; `invariants.py` says how to read it."""

from __future__ import annotations

from typing import Final

OF_REFUNDS: Final[dict[str, str]] = {
    "cancelled_purchase_is_due": """
        SELECT 'card ' || card_id, cancelled || ' due of its purchase', found || ' due'
        FROM (
            SELECT c.card_id,
                   CASE WHEN d.authorization_id IS NULL THEN COALESCE(d.due_minor, 0)
                        ELSE 0 END AS found,
                   COALESCE(SUM(p.amount_minor), 0) AS cancelled
            FROM {card} c LEFT JOIN refund_due d ON d.card_id = c.card_id
                 LEFT JOIN posting p ON p.card_id = c.card_id AND p.kind = 'CANCEL'
            GROUP BY c.card_id, d.authorization_id, d.due_minor
        ) AS sums
        WHERE found <> cancelled
    """,
    "refund_to_other_tenders_is_due": """
        SELECT 'authorization ' || a.authorization_id,
               a.refunded_other_minor || ' due to other tenders',
               COALESCE(d.due_minor, 0) || ' due'
        FROM {authorization} a LEFT JOIN refund_due d ON d.authorization_id = a.authorization_id
        WHERE a.refunded_other_minor <> COALESCE(d.due_minor, 0) OR d.card_id <> a.card_id
    """,
    "refund_due_is_of_its_card_and_order": """
        SELECT 'refund due for card ' || d.card_id,
               COALESCE(c.market || ' ' || c.currency || ' order '
                        || COALESCE(a.order_id, c.purchase_order_id), 'a card'),
               d.market || ' ' || d.currency || ' order ' || d.order_id
        FROM {refund_due} d LEFT JOIN card c ON c.card_id = d.card_id
             LEFT JOIN "authorization" a ON a.authorization_id = d.authorization_id
        WHERE c.card_id IS NULL OR d.market <> c.market OR d.currency <> c.currency
           OR (d.authorization_id IS NOT NULL AND a.authorization_id IS NULL)
           OR d.order_id <> COALESCE(a.order_id, c.purchase_order_id)
    """,
    "confirmed_refund_is_the_sum_of_its_confirmations": """
        SELECT 'refund due for card ' || card_id, confirmed || ' of at most ' || due_minor,
               confirmed_minor || ''
        FROM (
            SELECT d.card_id, d.due_minor, d.confirmed_minor,
                   COALESCE(SUM(f.amount_minor), 0) AS confirmed
            FROM {refund_due} d LEFT JOIN refund_confirmation f ON f.card_id = d.card_id
            GROUP BY d.card_id, d.due_minor, d.confirmed_minor
        ) AS sums
        WHERE confirmed_minor <> confirmed OR confirmed > due_minor
    """,
    "confirmation_has_its_refund_due_and_version": """
        SELECT 'confirmation ' || f.card_id || '/' || f.version,
               'a refund due for a card of version ' || f.version || ' or later',
               CASE WHEN d.card_id IS NULL THEN 'nothing due'
                    ELSE 'version ' || COALESCE(c.version, 0) END
        FROM {refund_confirmation} f LEFT JOIN refund_due d ON d.card_id = f.card_id
             LEFT JOIN card c ON c.card_id = f.card_id
        WHERE d.card_id IS NULL OR c.card_id IS NULL OR c.version < f.version OR f.version < 2
    """,
    "refund_paid_is_what_was_confirmed": """
        SELECT 'posting ' || p.card_id || '/' || p.version || '/' || p.ordinal,
               'a confirmation of ' || p.amount_minor || ' for the cancelled purchase',
               COALESCE('one of ' || f.amount_minor, 'none')
        FROM {posting} p LEFT JOIN refund_confirmation f
             ON f.card_id = p.card_id AND f.version = p.version
             LEFT JOIN refund_due d ON d.card_id = p.card_id
        WHERE p.kind = 'REFUND_PAID'
          AND (f.amount_minor IS DISTINCT FROM p.amount_minor OR d.authorization_id IS NOT NULL)
    """,
    "confirmation_of_a_cancelled_purchase_has_its_posting": """
        SELECT 'confirmation ' || f.card_id || '/' || f.version,
               'a posting REFUND_PAID of ' || f.amount_minor, COALESCE(p.amount_minor || '', 'none')
        FROM {refund_confirmation} f JOIN refund_due d ON d.card_id = f.card_id
             LEFT JOIN posting p ON p.card_id = f.card_id AND p.version = f.version
                                 AND p.ordinal = 0 AND p.kind = 'REFUND_PAID'
        WHERE d.authorization_id IS NULL AND p.amount_minor IS DISTINCT FROM f.amount_minor
    """,
}
