"""What must hold of terms, blocks and captures, on which deadlines and R39 depend.

`invariants.py` says how to read it.
"""

from __future__ import annotations

from typing import Final

OF_DATES: Final[dict[str, str]] = {
    "card_lives_under_noted_terms": """
        SELECT 'card ' || c.card_id, 'terms from ' || c.terms_from || ' that were noted', 'none'
        FROM {card} c LEFT JOIN terms_version v
             ON v.market = c.market AND v.in_force_from = c.terms_from
        WHERE c.terms_from IS NOT NULL AND v.market IS NULL
    """,
    "replacement_lives_under_the_terms_of_its_purchase": """
        SELECT 'card ' || c.card_id, 'terms from ' || COALESCE(r.terms_from, 'the beginning'),
               'terms from ' || COALESCE(c.terms_from, 'the beginning')
        FROM {card} c JOIN card r ON r.card_id = c.replaces_card_id
        WHERE c.terms_from IS DISTINCT FROM r.terms_from
    """,
    "only_a_blocked_card_has_a_time_of_its_block": """
        SELECT 'card ' || card_id, 'no time of a block', 'one of ' || blocked_at
        FROM {card} c WHERE blocked_at IS NOT NULL AND NOT blocked
    """,
    "authorization_says_of_its_capture_what_its_posting_says": """
        SELECT 'authorization ' || a.authorization_id,
               COALESCE('captured at ' || p.posted_at, 'not captured'),
               'captured at ' || COALESCE(a.captured_at || '', 'an unknown time')
               || COALESCE(', other tenders took ' || a.other_tender_minor, '')
               || COALESCE(', refunded for ' || a.refunded_for, '')
        FROM {authorization} a LEFT JOIN posting p
             ON p.card_id = a.card_id AND p.authorization_id = a.authorization_id
                AND p.kind = 'CAPTURE'
        WHERE a.captured_at <> p.posted_at
           OR (p.card_id IS NULL
               AND (a.captured_at IS NOT NULL OR a.other_tender_minor IS NOT NULL
                    OR a.refunded_for IS NOT NULL))
    """,
    "other_tenders_give_back_no_more_than_they_took": """
        SELECT 'authorization ' || authorization_id, 'at most ' || other_tender_minor,
               refunded_other_minor || ' to other tenders'
        FROM {authorization} a WHERE refunded_other_minor > other_tender_minor
    """,
    "what_was_lost_comes_back_whole_with_the_whole_order": """
        SELECT 'authorization ' || authorization_id,
               'nothing, or ' || forfeited_minor || ' once ' || captured_minor || ' was refunded',
               restored_minor || ' once ' || refunded_minor || ' was refunded'
        FROM {authorization} a
        WHERE restored_minor > 0
          AND (restored_minor <> forfeited_minor OR refunded_minor <> captured_minor
               OR refunded_for IS NULL OR refunded_for = 'OTHER')
    """,
    "payment_reference_of_a_purchase_is_noted": """
        SELECT 'purchase of card ' || p.card_id, 'its payment reference is noted', 'it is not'
        FROM {purchase} p LEFT JOIN purchase_reference r
             ON r.payment_reference = p.payment_reference AND r.market = p.market
        WHERE r.card_id IS NULL
    """,
}
