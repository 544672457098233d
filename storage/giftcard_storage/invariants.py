"""The invariants of the whole database, each as a statement that finds what breaks it.

A statement selects the subject, what is expected of it, and what was found. It names the relation
that drives it in braces, as in `FROM {card} c`: `walks/relations.py` restricts that one to a range
of keys, and the statement looks up everything else by key. So a statement over a range is right by
itself in any snapshot, and nothing of it grows with the number of cards. To write another one: no
correlated subqueries, whole GROUP BYs, and nothing that only one engine understands.
"""

from __future__ import annotations

from typing import Final

from giftcard_rules.ledger import MOVES, TO_ANOTHER_CARD, PostingKind
from giftcard_storage.dated_invariants import OF_DATES
from giftcard_storage.event_invariants import OF_EVENTS
from giftcard_storage.record_invariants import OF_RECORDS
from giftcard_storage.refund_invariants import OF_REFUNDS

# The kinds of postings that belong to a card alone; the others belong to an authorization.
_OF_A_CARD: Final = frozenset({
    PostingKind.ISSUE,
    PostingKind.CANCEL,
    PostingKind.EXPIRE,
    PostingKind.REINSTATE,
    PostingKind.CHARGE_BACK,
    PostingKind.REFUND_PAID,
})  # fmt: skip
_MOVES: Final = ", ".join(
    f"('{kind.value}', '{source.value}', '{destination.value}',"
    f" {kind in TO_ANOTHER_CARD}, {kind not in _OF_A_CARD})"
    for kind, (source, destination) in MOVES.items()
)

# The change that a posting makes to each account of its own card.
_TO_CARD: Final = """
    CASE WHEN p.destination = 'CARD' AND p.to_card_id IS NULL THEN p.amount_minor
         WHEN p.source = 'CARD' THEN -p.amount_minor ELSE 0 END
"""
_TO_HELD: Final = """
    CASE WHEN p.destination = 'HELD' THEN p.amount_minor
         WHEN p.source = 'HELD' THEN -p.amount_minor ELSE 0 END
"""
_TO_SETTLED: Final = """
    CASE WHEN p.destination = 'SETTLED' THEN p.amount_minor
         WHEN p.source = 'SETTLED' THEN -p.amount_minor ELSE 0 END
"""
# The postings that brought money to a replacement from the card that it replaces.
_CAME_BACK: Final = "back.card_id = c.replaces_card_id AND back.to_card_id = c.card_id"

INVARIANTS: Final[dict[str, str]] = (
    {
        "posting_moves_as_its_kind": f"""
        WITH move(kind, source, destination, to_another, of_authorization) AS (VALUES {_MOVES})
        SELECT 'posting ' || p.card_id || '/' || p.version || '/' || p.ordinal,
               COALESCE(m.source || ' -> ' || m.destination, 'a known kind')
               || CASE WHEN m.to_another THEN ' of another card' ELSE '' END
               || CASE WHEN m.of_authorization THEN ', for an authorization' ELSE '' END,
               p.kind || ' ' || p.source || ' -> ' || p.destination
               || CASE WHEN p.to_card_id <> p.card_id THEN ' of another card' ELSE '' END
               || CASE WHEN p.authorization_id IS NULL THEN '' ELSE ', for an authorization' END
        FROM {{posting}} p LEFT JOIN move m ON m.kind = p.kind
        WHERE m.kind IS NULL OR p.source <> m.source OR p.destination <> m.destination
           OR (p.to_card_id IS NOT NULL) <> m.to_another OR p.to_card_id = p.card_id
           OR (p.authorization_id IS NOT NULL) <> m.of_authorization
    """,  # noqa: S608 - made of our own texts
        "posting_has_its_card_and_version": """
        SELECT 'posting ' || p.card_id || '/' || p.version || '/' || p.ordinal,
               'a card of version ' || p.version || ' or later',
               COALESCE('version ' || c.version, 'no such card')
        FROM {posting} p LEFT JOIN card c ON c.card_id = p.card_id
        WHERE c.card_id IS NULL OR c.version < p.version OR p.version < 1
    """,
        "posting_is_for_an_authorization_of_its_card": """
        SELECT 'posting ' || p.card_id || '/' || p.version || '/' || p.ordinal,
               'authorization ' || p.authorization_id || ' of this card',
               COALESCE('one of card ' || a.card_id, 'no such authorization')
        FROM {posting} p LEFT JOIN "authorization" a ON a.authorization_id = p.authorization_id
        WHERE p.authorization_id IS NOT NULL AND a.card_id IS DISTINCT FROM p.card_id
    """,
        "posting_leads_to_the_card_that_replaces": """
        SELECT 'posting ' || p.card_id || '/' || p.version || '/' || p.ordinal,
               'card ' || p.to_card_id || ' replaces this one for authorization '
               || COALESCE(p.authorization_id, '?'),
               COALESCE('it replaces ' || COALESCE(c.replaces_card_id, 'none')
                        || ' for ' || COALESCE(c.authorization_id, 'none'), 'no such card')
        FROM {posting} p LEFT JOIN card c ON c.card_id = p.to_card_id
        WHERE p.to_card_id IS NOT NULL
          AND (c.replaces_card_id IS DISTINCT FROM p.card_id
               OR c.authorization_id IS DISTINCT FROM p.authorization_id)
    """,
        "account_is_never_negative": f"""
        SELECT 'posting ' || card_id || '/' || version || '/' || ordinal, 'no account below 0',
               'CARD ' || card || ', HELD ' || held || ', SETTLED ' || settled
        FROM (
            SELECT m.card_id, m.version, m.ordinal, m.held, m.settled,
                   m.card + COALESCE(SUM(back.amount_minor), 0) AS card
            FROM (
                SELECT p.card_id, p.version, p.ordinal, SUM({_TO_CARD}) OVER moment AS card,
                       SUM({_TO_HELD}) OVER moment AS held,
                       SUM({_TO_SETTLED}) OVER moment AS settled
                FROM {{posting}} p
                WINDOW moment AS (PARTITION BY p.card_id ORDER BY p.version, p.ordinal
                                  ROWS UNBOUNDED PRECEDING)
            ) AS m JOIN card c ON c.card_id = m.card_id
                   LEFT JOIN posting back ON {_CAME_BACK}
            -- What came to a replacement is no posting of its own.
            WHERE m.card < 0 OR m.held < 0 OR m.settled < 0
            GROUP BY m.card_id, m.version, m.ordinal, m.card, m.held, m.settled
        ) AS moments
        WHERE card < 0 OR held < 0 OR settled < 0
    """,  # noqa: S608 - made of our own texts
        "card_begins_with_its_first_posting": f"""
        SELECT 'card ' || card_id, first_minor || ' by its first posting', initial_minor || ''
        FROM (
            SELECT c.card_id, c.initial_minor,
                   COALESCE(CASE c.origin WHEN 'REFUND' THEN SUM(back.amount_minor)
                            ELSE MAX(p.amount_minor) END, 0) AS first_minor
            FROM {{card}} c LEFT JOIN posting p
                 ON p.card_id = c.card_id AND p.version = 1 AND p.ordinal = 0
                    AND p.kind = 'ISSUE'
                 LEFT JOIN posting back ON {_CAME_BACK}
            GROUP BY c.card_id, c.initial_minor, c.origin
        ) AS begun
        WHERE initial_minor <> first_minor
    """,  # noqa: S608 - made of our own texts
        "card_is_the_sum_of_its_postings": f"""
        SELECT 'card ' || card_id, 'balance ' || card || ', held ' || held,
               'balance ' || balance_minor || ', held ' || held_minor
        FROM (
            SELECT c.card_id, c.balance_minor, c.held_minor,
                   COALESCE(SUM(CASE WHEN p.card_id = c.card_id THEN {_TO_CARD}
                                     WHEN p.to_card_id = c.card_id THEN p.amount_minor
                                     ELSE 0 END), 0) AS card,
                   COALESCE(SUM(CASE WHEN p.card_id = c.card_id THEN {_TO_HELD}
                                     ELSE 0 END), 0) AS held
            FROM {{card}} c LEFT JOIN posting p
                 ON p.card_id IN (c.card_id, c.replaces_card_id)
            GROUP BY c.card_id, c.balance_minor, c.held_minor
        ) AS sums
        WHERE balance_minor <> card OR held_minor <> held
    """,  # noqa: S608 - made of our own texts
        "card_state_follows_from_its_postings": """
        SELECT 'card ' || card_id, follows, state
        FROM (
            SELECT card_id, state,
                   CASE used + cancelled + expired
                   WHEN 0 THEN CASE WHEN held_minor > 0 THEN 'HELD' ELSE 'ACTIVE' END
                   WHEN 1 THEN CASE WHEN used = 1 THEN 'REDEEMED'
                               WHEN cancelled = 1 THEN 'CANCELLED' ELSE 'EXPIRED' END
                   ELSE 'one end, not ' || (used + cancelled + expired) END AS follows
            FROM (
                SELECT c.card_id, c.state, c.held_minor,
                       SUM(CASE WHEN p.kind = 'CAPTURE' THEN 1 ELSE 0 END) AS used,
                       SUM(CASE WHEN p.kind IN ('CANCEL', 'CHARGE_BACK') THEN 1 ELSE 0 END)
                           AS cancelled,
                       -- An expiry that was undone is none.
                       SUM(CASE p.kind WHEN 'EXPIRE' THEN 1 WHEN 'REINSTATE' THEN -1 ELSE 0 END)
                           AS expired
                FROM {card} c LEFT JOIN posting p ON p.card_id = c.card_id
                GROUP BY c.card_id, c.state, c.held_minor
            ) AS counts
        ) AS ends
        WHERE state <> follows
    """,
        "card_is_worth_what_its_state_says": """
        SELECT 'card ' || card_id,
               CASE WHEN state IN ('ACTIVE', 'HELD') THEN initial_minor ELSE 0 END || ' in all',
               'balance ' || balance_minor || ', held ' || held_minor
        FROM {card} c
        WHERE balance_minor + held_minor
              <> CASE WHEN state IN ('ACTIVE', 'HELD') THEN initial_minor ELSE 0 END
           OR (state = 'HELD') <> (held_minor > 0) OR (state = 'HELD') <> (hold_id IS NOT NULL)
    """,
        "settled_is_what_was_captured_and_not_refunded": f"""
        SELECT 'card ' || card_id, paid || ' captured and not refunded', settled || ' settled'
        FROM (
            SELECT p.card_id, SUM({_TO_SETTLED}) AS settled,
                   SUM(CASE p.kind WHEN 'AUTHORIZE' THEN a.captured_minor - a.refunded_minor
                       ELSE 0 END) AS paid
            FROM {{posting}} p LEFT JOIN "authorization" a
                 ON a.authorization_id = p.authorization_id
            GROUP BY p.card_id
        ) AS sums
        WHERE settled <> paid
    """,  # noqa: S608 - made of our own texts
        "authorization_is_the_sum_of_its_postings": """
        SELECT 'authorization ' || authorization_id,
               'AUTHORIZE ' || authorized_minor || ' CAPTURE ' || captured_minor
               || ' REISSUE ' || reissued || ' FORFEIT ' || lost || ' REFUND ' || refunded_minor
               || ' RELEASE ' || freed || ' LAPSE ' || lapsed || ' RESTORE ' || restored_minor,
               'AUTHORIZE ' || p1 || ' CAPTURE ' || p2 || ' REISSUE ' || p3 || ' FORFEIT ' || p4
               || ' REFUND ' || p5 || ' RELEASE ' || p6 || ' LAPSE ' || p7 || ' RESTORE ' || p8
        FROM (
            SELECT a.authorization_id, a.authorized_minor, a.captured_minor, a.refunded_minor,
                   a.restored_minor,
                   CASE a.state WHEN 'CAPTURED' THEN a.authorized_minor - a.captured_minor
                                ELSE 0 END AS reissued,
                   CASE a.state WHEN 'CAPTURED' THEN a.forfeited_minor ELSE 0 END AS lost,
                   CASE a.state WHEN 'RELEASED' THEN a.authorized_minor ELSE 0 END AS freed,
                   CASE a.state WHEN 'LAPSED' THEN a.authorized_minor ELSE 0 END AS lapsed,
                   SUM(CASE p.kind WHEN 'AUTHORIZE' THEN p.amount_minor ELSE 0 END) AS p1,
                   SUM(CASE p.kind WHEN 'CAPTURE' THEN p.amount_minor ELSE 0 END) AS p2,
                   SUM(CASE p.kind WHEN 'REISSUE' THEN p.amount_minor ELSE 0 END) AS p3,
                   SUM(CASE p.kind WHEN 'FORFEIT' THEN p.amount_minor ELSE 0 END) AS p4,
                   SUM(CASE p.kind WHEN 'REFUND' THEN p.amount_minor ELSE 0 END) AS p5,
                   SUM(CASE p.kind WHEN 'RELEASE' THEN p.amount_minor ELSE 0 END) AS p6,
                   SUM(CASE p.kind WHEN 'LAPSE' THEN p.amount_minor
                       WHEN 'REHOLD' THEN -p.amount_minor ELSE 0 END) AS p7,
                   SUM(CASE p.kind WHEN 'RESTORE' THEN p.amount_minor ELSE 0 END) AS p8
            FROM {authorization} a LEFT JOIN posting p
                 ON p.card_id = a.card_id AND p.authorization_id = a.authorization_id
            GROUP BY a.authorization_id, a.authorized_minor, a.captured_minor,
                     a.refunded_minor, a.restored_minor, a.forfeited_minor, a.state
        ) AS sums
        WHERE authorized_minor <> p1 OR captured_minor <> p2 OR reissued <> p3 OR lost <> p4
           OR refunded_minor <> p5 OR freed <> p6 OR lapsed <> p7 OR restored_minor <> p8
    """,
        "authorization_is_opened_once_and_closed_once": """
        SELECT 'authorization ' || authorization_id,
               '1 opening, ' || CASE state WHEN 'OPEN' THEN 0 ELSE 1 END || ' closing',
               openings || ' opening, ' || closings || ' closing'
        FROM (
            SELECT a.authorization_id, a.state,
                   SUM(CASE p.kind WHEN 'AUTHORIZE' THEN 1 ELSE 0 END) AS openings,
                   SUM(CASE WHEN p.kind IN ('CAPTURE', 'RELEASE', 'LAPSE') THEN 1
                       WHEN p.kind = 'REHOLD' THEN -1 ELSE 0 END) AS closings
            FROM {authorization} a LEFT JOIN posting p
                 ON p.card_id = a.card_id AND p.authorization_id = a.authorization_id
            GROUP BY a.authorization_id, a.state
        ) AS counts
        WHERE openings <> 1 OR closings <> CASE state WHEN 'OPEN' THEN 0 ELSE 1 END
    """,
        "authorization_is_of_the_market_of_its_card": """
        SELECT 'authorization ' || a.authorization_id,
               COALESCE(c.market || ' ' || c.currency, 'a card ' || a.card_id),
               CASE WHEN c.card_id IS NULL THEN 'no such card'
                    ELSE a.market || ' ' || a.currency END
        FROM {authorization} a LEFT JOIN card c ON c.card_id = a.card_id
        WHERE c.card_id IS NULL OR a.market <> c.market OR a.currency <> c.currency
    """,
        "hold_is_an_open_authorization": """
        SELECT 'card ' || c.card_id,
               'authorization ' || c.hold_id || ' OPEN on this card over ' || c.held_minor,
               COALESCE(a.state || ' on card ' || a.card_id || ' over ' || a.authorized_minor,
                        'no such authorization')
        FROM {card} c LEFT JOIN "authorization" a ON a.authorization_id = c.hold_id
        WHERE c.hold_id IS NOT NULL
          AND (a.state IS DISTINCT FROM 'OPEN' OR a.card_id <> c.card_id
               OR a.authorized_minor <> c.held_minor)
    """,
        "open_authorization_is_the_hold_of_its_card": """
        SELECT 'authorization ' || a.authorization_id, 'the hold of card ' || a.card_id,
               COALESCE('its hold is ' || c.hold_id, 'it has no hold')
        FROM {authorization} a LEFT JOIN card c ON c.card_id = a.card_id
        WHERE a.state = 'OPEN' AND c.hold_id IS DISTINCT FROM a.authorization_id
    """,
        "order_has_one_live_card": """
        SELECT 'order ' || a.market || ' ' || a.order_id, '1 live authorization',
               (COUNT(*) + 1) || ''
        FROM {authorization} a JOIN "authorization" o
             ON o.order_id = a.order_id AND o.market = a.market
                AND o.authorization_id <> a.authorization_id
        WHERE a.state IN ('OPEN', 'CAPTURED') AND o.state IN ('OPEN', 'CAPTURED')
        GROUP BY a.authorization_id, a.market, a.order_id
        HAVING MIN(o.authorization_id) > a.authorization_id
    """,
        "replacement_names_what_it_replaces": """
        SELECT 'card ' || c.card_id,
               CASE c.origin WHEN 'REFUND'
               THEN 'card ' || COALESCE(c.replaces_card_id, '?') || ' captured by authorization '
                    || COALESCE(c.authorization_id, '?') || ' for order '
                    || COALESCE(c.refund_order_id, '?')
               ELSE 'replaces nothing' END,
               CASE c.origin WHEN 'REFUND'
               THEN COALESCE('card ' || r.card_id, 'no card') || ' '
                    || COALESCE(a.state || ' by authorization ' || a.authorization_id
                                || ' for order ' || a.order_id, 'and no authorization')
               ELSE 'replaces something' END
        FROM {card} c LEFT JOIN card r ON r.card_id = c.replaces_card_id
             LEFT JOIN "authorization" a ON a.authorization_id = c.authorization_id
        WHERE CASE c.origin WHEN 'REFUND'
              THEN a.state IS DISTINCT FROM 'CAPTURED'
                   OR a.card_id IS DISTINCT FROM c.replaces_card_id
                   OR a.order_id IS DISTINCT FROM c.refund_order_id
                   OR r.market IS DISTINCT FROM c.market
                   OR r.currency IS DISTINCT FROM c.currency
                   OR r.purchase_order_id IS DISTINCT FROM c.purchase_order_id
              ELSE c.replaces_card_id IS NOT NULL OR c.authorization_id IS NOT NULL
                   OR c.refund_order_id IS NOT NULL END
    """,
    }
    | OF_RECORDS
    | OF_DATES
    | OF_REFUNDS
    | OF_EVENTS
)
