"""What must hold of events; `invariants.py` says how to read it.

Events that were removed on purpose are missed by nobody: what occurred after the last of them has
its events, and positions have no gaps from the oldest that was kept.
"""

from __future__ import annotations

from typing import Final

from giftcard_rules.events import EVENT_OF
from giftcard_rules.ledger import PostingKind

_REMOVED_THROUGH: Final = "(SELECT occurred_through FROM event_removal)"
_EVENT: Final = "'event ' || e.card_id || '/' || e.version || '/' || e.ordinal"
_POSTING: Final = "'posting ' || p.card_id || '/' || p.version || '/' || p.ordinal"
_SHOWN: Final = (
    "CASE WHEN c.blocked AND c.state IN ('ACTIVE', 'HELD') THEN 'BLOCKED' ELSE c.state END"
)
_TYPE: Final = (
    "CASE p.kind "
    + " ".join(f"WHEN '{kind.value}' THEN '{told.value}'" for kind, told in EVENT_OF.items())
    + " END"
)
_KINDS: Final = ", ".join(f"'{kind.value}'" for kind in EVENT_OF)
# The kinds whose amount, authorization and time are those of an event of their own.
_ALONE: Final = ", ".join(
    f"'{kind.value}'"
    for kind in PostingKind
    if kind
    not in {
        PostingKind.REISSUE,
        PostingKind.FORFEIT,
        PostingKind.REFUND,
        PostingKind.RESTORE,
    }
)


def _of_both(statement: str) -> str:
    """Return a statement for events with a position and for those without.

    `{key}` begins a GROUP BY in the order in which the events are read, so that nothing is sorted.
    """
    return " UNION ALL ".join(
        statement.replace("{events}", driving).replace("{key}", key)
        for driving, key in (("{event}", "e.position, "), ("{new_event}", ""))
    )


def _told(e: str) -> str:
    """Return whether an event, by its name in the statement, tells of the posting `p`."""
    return f"""
        {e}.card_id = p.card_id AND {e}.version = p.version AND {e}.type = {_TYPE}
        AND {e}.authorization_id IS NOT DISTINCT FROM p.authorization_id
        AND {e}.occurred_at = p.posted_at
        AND CASE p.kind WHEN 'FORFEIT' THEN {e}.forfeited_minor = p.amount_minor
                        WHEN 'RESTORE' THEN {e}.restored_minor = p.amount_minor
                        WHEN 'REISSUE' THEN {e}.related_card_id = p.to_card_id
                        WHEN 'REFUND' THEN {e}.amount_minor = p.amount_minor
                                           AND {e}.related_card_id = p.to_card_id
                        ELSE {e}.amount_minor = p.amount_minor END
    """


def _with_last_events() -> str:
    """Return joins of the card `c` with its last event `e`, and the last `n` without a position.

    Both are the events after which there is no later one.
    """
    return "".join(
        f"""
        LEFT JOIN {table} {last} ON {last}.card_id = c.card_id
        LEFT JOIN {table} {later} ON {later}.card_id = {last}.card_id
             AND ({later}.version, {later}.ordinal) > ({last}.version, {last}.ordinal)
        """
        for table, last, later in (("event", "e", "later_e"), ("new_event", "n", "later_n"))
    )


def _last_version(condition: str, e: str) -> str:
    """Return the last version at which an event, by its name, was so; 0 without one."""
    return f"COALESCE(MAX(CASE WHEN {condition.replace('{e}', e)} THEN {e}.version END), 0)"


_ARE_LAST: Final = "later_e.card_id IS NULL AND later_n.card_id IS NULL"
_ABOUT_BLOCKS: Final = "{e}.type IN ('CARD_ISSUED', 'CARD_BLOCKED', 'CARD_UNBLOCKED')"
_IS_BLOCKED: Final = (
    "({e}.type = 'CARD_BLOCKED' OR ({e}.type = 'CARD_ISSUED' AND {e}.card_state = 'BLOCKED'))"
)


def _not_blocked_in_spite_of(table: str, where: str) -> str:
    """Return a statement for cards that are not blocked although the last event about it says so.

    The last of those in a table; `where` may ask for no later one `n` without a position.
    """
    return f"""
        SELECT 'card ' || c.card_id, 'not blocked', 'blocked'
        FROM {{{table}}} e JOIN card c ON c.card_id = e.card_id
             LEFT JOIN {table} l ON l.card_id = e.card_id AND {_ABOUT_BLOCKS.replace("{e}", "l")}
                  AND (l.version > e.version
                       OR (l.version = e.version AND NOT {_IS_BLOCKED.replace("{e}", "l")}))
             LEFT JOIN new_event n ON n.card_id = e.card_id
                  AND {_ABOUT_BLOCKS.replace("{e}", "n")}
        WHERE {_IS_BLOCKED.replace("{e}", "e")} AND NOT c.blocked AND l.card_id IS NULL
          AND {where}
    """  # noqa: S608 - made of our own texts


OF_EVENTS: Final[dict[str, str]] = {
    "event_positions_have_no_gap": """
        SELECT 'position ' || e.position,
               CASE WHEN e.position <= gone.last_position THEN 'removed'
                    ELSE 'position ' || (e.position - 1) || ' before it' END,
               CASE WHEN e.position <= gone.last_position THEN 'still there' ELSE 'none' END
        FROM {event} e CROSS JOIN event_removal gone
             LEFT JOIN event p ON p.position = e.position - 1
        WHERE e.position <= gone.last_position
           OR (e.position > gone.last_position + 1 AND p.position IS NULL)
    """,
    "event_is_told_once": f"""
        SELECT {_EVENT}, 'a position or none', 'both'
        FROM {{new_event}} e JOIN event n
             ON n.card_id = e.card_id AND n.version = e.version AND n.ordinal = e.ordinal
    """,  # noqa: S608 - made of our own texts
    # By card, whose events lie side by side in the index that has all of it.
    "events_of_a_card_are_in_the_order_of_its_versions": f"""
        SELECT {_EVENT}, 'a position before those of later versions', 'position ' || e.position
        FROM {{card}} c JOIN event e ON e.card_id = c.card_id JOIN event n ON n.card_id = e.card_id
             AND (n.version, n.ordinal) > (e.version, e.ordinal) AND n.position < e.position
        GROUP BY e.card_id, e.version, e.ordinal, e.position
        UNION ALL
        SELECT {_EVENT}, 'a position before those of later versions', 'none'
        FROM {{new_event}} e JOIN event n ON n.card_id = e.card_id
             AND (n.version, n.ordinal) > (e.version, e.ordinal)
        GROUP BY e.card_id, e.version, e.ordinal
    """,  # noqa: S608 - made of our own texts
    "posting_has_its_event": f"""
        SELECT {_POSTING}, 'an event ' || {_TYPE} || ' of ' || p.amount_minor, 'none'
        FROM {{posting}} p LEFT JOIN event e ON {_told("e")}
             LEFT JOIN new_event n ON {_told("n")}
        WHERE p.posted_at > {_REMOVED_THROUGH} AND p.kind IN ({_KINDS})
          AND e.card_id IS NULL AND n.card_id IS NULL
    """,  # noqa: S608 - made of our own texts
    "event_has_its_posting": _of_both(f"""
        SELECT {_EVENT}, 'a posting of ' || COALESCE(e.amount_minor || '', '?'), 'none'
        FROM {{events}} e LEFT JOIN posting p
             ON p.card_id = e.card_id AND p.version = e.version AND p.kind IN ({_ALONE})
                AND p.amount_minor = e.amount_minor AND p.posted_at = e.occurred_at
                AND p.authorization_id IS NOT DISTINCT FROM e.authorization_id
                AND {_TYPE} = e.type
        WHERE e.type NOT IN ('ORDER_REFUNDED', 'REFUND_PAID', 'CARD_BLOCKED', 'CARD_UNBLOCKED')
          AND NOT (e.type = 'CARD_ISSUED' AND e.related_card_id IS NOT NULL)
          AND p.card_id IS NULL
    """),  # noqa: S608 - made of our own texts
    "event_tells_what_else_moved": _of_both("""
        SELECT 'event ' || card_id || '/' || version || '/' || ordinal,
               'forfeited ' || forfeited || ', refunded ' || refunded || ', restored ' || restored,
               'forfeited ' || COALESCE(forfeited_minor, 0) || ', refunded '
               || CASE type WHEN 'ORDER_REFUNDED' THEN COALESCE(amount_minor, 0) ELSE 0 END
               || ', restored ' || COALESCE(restored_minor, 0)
        FROM (
            SELECT e.card_id, e.version, e.ordinal, e.type, e.amount_minor, e.forfeited_minor,
                   e.restored_minor,
                   SUM(CASE WHEN e.type = 'CARD_REDEEMED' AND p.kind = 'FORFEIT'
                       THEN p.amount_minor ELSE 0 END) AS forfeited,
                   SUM(CASE WHEN e.type = 'ORDER_REFUNDED' AND p.kind = 'REFUND'
                       THEN p.amount_minor ELSE 0 END) AS refunded,
                   SUM(CASE WHEN e.type = 'ORDER_REFUNDED' AND p.kind = 'RESTORE'
                       THEN p.amount_minor ELSE 0 END) AS restored
            FROM {events} e LEFT JOIN posting p
                 ON p.card_id = e.card_id AND p.version = e.version
            WHERE e.type IN ('CARD_REDEEMED', 'ORDER_REFUNDED')
               OR e.forfeited_minor <> 0 OR e.restored_minor <> 0
            GROUP BY {key}e.card_id, e.version, e.ordinal, e.type, e.amount_minor,
                     e.forfeited_minor, e.restored_minor
        ) AS told
        WHERE COALESCE(forfeited_minor, 0) <> forfeited OR COALESCE(restored_minor, 0) <> restored
           OR (type = 'ORDER_REFUNDED' AND COALESCE(amount_minor, 0) <> refunded)
    """),
    "event_is_of_its_card": _of_both(f"""
        SELECT {_EVENT},
               COALESCE(c.market || ' ' || c.currency || ' version ' || c.version, 'a card'),
               e.market || ' ' || e.currency || ' version ' || e.version
        FROM {{events}} e LEFT JOIN card c ON c.card_id = e.card_id
        WHERE c.card_id IS NULL OR c.market <> e.market OR c.currency <> e.currency
           OR e.version > c.version
    """),  # noqa: S608 - made of our own texts
    "event_names_its_order": _of_both(f"""
        SELECT {_EVENT}, COALESCE('order ' || a.order_id, 'an authorization of its card'),
               'order ' || COALESCE(e.order_id, '?')
        FROM {{events}} e LEFT JOIN "authorization" a ON a.authorization_id = e.authorization_id
        WHERE (e.authorization_id IS NULL) <> (e.order_id IS NULL)
           OR (e.authorization_id IS NOT NULL
               AND (a.order_id IS DISTINCT FROM e.order_id
                    OR a.card_id IS DISTINCT FROM CASE e.type
                        WHEN 'CARD_ISSUED' THEN e.related_card_id ELSE e.card_id END))
    """),  # noqa: S608 - made of our own texts
    "event_names_its_purchase": _of_both(f"""
        SELECT {_EVENT}, COALESCE('purchase ' || b.order_id, 'no purchase'),
               'purchase ' || COALESCE(e.purchase_order_id, '?')
        FROM {{events}} e LEFT JOIN purchase b ON b.card_id = e.card_id AND (
             e.type IN ('CARD_ISSUED', 'CARD_CANCELLED')
             OR (e.type = 'REFUND_PAID' AND e.authorization_id IS NULL))
        WHERE e.purchase_order_id IS DISTINCT FROM b.order_id
           OR e.payment_method IS DISTINCT FROM b.payment_method
           OR e.payment_reference IS DISTINCT FROM b.payment_reference
    """),  # noqa: S608 - made of our own texts
    "replacement_is_told_with_what_it_replaces": _of_both(f"""
        SELECT {_EVENT}, COALESCE(c.initial_minor || ' in place of ' || c.replaces_card_id, '?'),
               e.amount_minor || ' in place of ' || e.related_card_id
        FROM {{events}} e JOIN card c ON c.card_id = e.card_id
        WHERE e.type = 'CARD_ISSUED'
          AND (e.related_card_id IS DISTINCT FROM c.replaces_card_id
               OR e.amount_minor IS DISTINCT FROM c.initial_minor OR e.version <> 1
               OR e.occurred_at <> c.issued_at)
    """),  # noqa: S608 - made of our own texts
    "card_is_as_its_last_event_says": f"""
        SELECT 'card ' || card_id, shown, COALESCE(told, 'no event')
        FROM (SELECT c.card_id, c.issued_at, {_SHOWN} AS shown,
                     COALESCE(n.card_state, e.card_state) AS told
              FROM {{card}} c {_with_last_events()}
              WHERE {_ARE_LAST}) AS states
        WHERE told IS DISTINCT FROM shown
          AND NOT (told IS NULL AND issued_at <= {_REMOVED_THROUGH})
    """,  # noqa: S608 - made of our own texts
    # Few cards are blocked, and few events block one: those that do not are only passed over.
    "card_is_blocked_as_its_events_say": f"""
        SELECT 'card ' || card_id, CASE WHEN blocked THEN 'blocked' ELSE 'not blocked' END,
               CASE WHEN told THEN 'blocked' ELSE 'not blocked' END
        FROM (SELECT card_id, blocked,
                     CASE WHEN new_block + new_end > 0 THEN new_block > new_end
                          WHEN block + block_end > 0 THEN block > block_end END AS told
              FROM (SELECT c.card_id, c.blocked, {_last_version(_IS_BLOCKED, "e")} AS block,
                           {_last_version(f"NOT {_IS_BLOCKED}", "e")} AS block_end,
                           {_last_version(_IS_BLOCKED, "n")} AS new_block,
                           {_last_version(f"NOT {_IS_BLOCKED}", "n")} AS new_end
                    FROM {{card}} c
                         LEFT JOIN event e ON e.card_id = c.card_id
                              AND {_ABOUT_BLOCKS.replace("{e}", "e")}
                         LEFT JOIN new_event n ON n.card_id = c.card_id
                              AND {_ABOUT_BLOCKS.replace("{e}", "n")}
                    WHERE c.blocked
                    GROUP BY c.card_id, c.blocked) AS versions) AS blocks
        WHERE told <> blocked
        UNION ALL
        {_not_blocked_in_spite_of("event", "n.card_id IS NULL")}
        UNION ALL
        {_not_blocked_in_spite_of("new_event", "TRUE")}
    """,  # noqa: S608 - made of our own texts
    "refund_to_other_tenders_is_told": f"""
        SELECT 'authorization ' || authorization_id, due || ' to other tenders', told || ''
        FROM (
            SELECT of_events.authorization_id, of_events.due,
                   of_events.told + COALESCE(SUM(n.other_tender_minor), 0) AS told
            FROM (
                SELECT a.authorization_id, a.card_id, a.refunded_other_minor AS due,
                       COALESCE(SUM(e.other_tender_minor), 0) AS told
                FROM {{authorization}} a LEFT JOIN event e
                     ON e.card_id = a.card_id AND e.type = 'ORDER_REFUNDED'
                        AND e.authorization_id = a.authorization_id
                WHERE a.state = 'CAPTURED' AND a.created_at > {_REMOVED_THROUGH}
                GROUP BY a.authorization_id, a.card_id, a.refunded_other_minor
            ) AS of_events LEFT JOIN new_event n
                 ON n.card_id = of_events.card_id AND n.type = 'ORDER_REFUNDED'
                    AND n.authorization_id = of_events.authorization_id
            GROUP BY of_events.authorization_id, of_events.due, of_events.told
        ) AS sums
        WHERE told <> due
    """,  # noqa: S608 - made of our own texts
    "redeemed_card_is_told_with_other_tenders": _of_both(f"""
        SELECT {_EVENT}, other || ' of other tenders',
               COALESCE(e.other_tender_minor || '', 'nothing')
        FROM (SELECT e.card_id, e.version, e.ordinal, e.other_tender_minor,
                     COALESCE(a.other_tender_minor, a.order_total_minor - a.authorized_minor)
                         AS other
              FROM {{events}} e JOIN "authorization" a ON a.authorization_id = e.authorization_id
              WHERE e.type = 'CARD_REDEEMED') AS e
        WHERE e.other_tender_minor IS DISTINCT FROM other
    """),  # noqa: S608 - made of our own texts
    "confirmation_has_its_event": """
        SELECT 'confirmation ' || f.card_id || '/' || f.version,
               'an event REFUND_PAID of ' || f.amount_minor, 'none'
        FROM {refund_confirmation} f
             LEFT JOIN event e ON e.card_id = f.card_id AND e.version = f.version
                  AND e.type = 'REFUND_PAID' AND e.amount_minor = f.amount_minor
             LEFT JOIN new_event n ON n.card_id = f.card_id AND n.version = f.version
                  AND n.type = 'REFUND_PAID' AND n.amount_minor = f.amount_minor
        WHERE f.confirmed_at > (SELECT occurred_through FROM event_removal)
          AND e.card_id IS NULL AND n.card_id IS NULL
    """,
    "payment_event_has_its_confirmation": _of_both(f"""
        SELECT {_EVENT}, 'a confirmation of ' || COALESCE(e.amount_minor || '', '?'), 'none'
        FROM {{events}} e LEFT JOIN refund_confirmation f
             ON f.card_id = e.card_id AND f.version = e.version
                AND f.amount_minor = e.amount_minor AND f.confirmed_at = e.occurred_at
        WHERE e.type = 'REFUND_PAID' AND f.card_id IS NULL
    """),  # noqa: S608 - made of our own texts
}
