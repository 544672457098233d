"""What must hold of purchases and of request records; `invariants.py` says how to read it.

That an authorization has its request is no statement, as no key leads from the one to the other:
`walks/made_by_requests.py` finds that out.
"""

from __future__ import annotations

from typing import Final

OF_RECORDS: Final[dict[str, str]] = {
    "purchase_has_one_card": """
        SELECT 'purchase ' || p.market || ' ' || p.order_id, '1 card', (COUNT(*) + 1) || ''
        FROM {purchase} p JOIN purchase o
             ON o.order_id = p.order_id AND o.market = p.market AND o.card_id <> p.card_id
        GROUP BY p.card_id, p.market, p.order_id
        HAVING MIN(o.card_id) > p.card_id
    """,
    "bought_card_has_its_purchase": """
        SELECT 'card ' || c.card_id,
               CASE c.origin WHEN 'PURCHASE'
               THEN 'purchase ' || c.market || ' ' || c.purchase_order_id
               ELSE 'no purchase' END,
               COALESCE('purchase ' || p.market || ' ' || p.order_id, 'no purchase')
        FROM {card} c LEFT JOIN purchase p ON p.card_id = c.card_id
        WHERE (c.origin = 'PURCHASE') <> (p.card_id IS NOT NULL)
           OR p.market <> c.market OR p.order_id <> c.purchase_order_id
    """,
    "card_has_its_request": """
        SELECT 'card ' || c.card_id, 'request ' || c.request_id || ' made it',
               COALESCE(q.method || COALESCE(' declined: ' || q.reason, ''), 'no such request')
        FROM {card} c LEFT JOIN request q
             ON q.request_id = c.request_id AND q.caller = c.caller
        WHERE q.reason IS NOT NULL
           OR CASE c.origin WHEN 'PURCHASE' THEN q.method IS DISTINCT FROM 'Issue'
              ELSE q.method IS NULL OR q.method NOT IN ('Capture', 'Reverse') END
    """,
    "request_has_its_authorization": """
        SELECT 'request ' || q.request_id,
               COALESCE('authorization ' || q.authorization_id, 'an authorization'),
               'no such authorization'
        FROM {request} q LEFT JOIN "authorization" a ON a.authorization_id = q.authorization_id
        WHERE a.authorization_id IS NULL
          AND (q.authorization_id IS NOT NULL
               OR (q.method = 'Authorize' AND NOT q.prevented AND q.reason IS NULL))
    """,
    "purchase_reference_is_of_the_purchase_of_its_card": """
        SELECT 'payment reference of card ' || r.card_id,
               'the one of a purchase in ' || r.market,
               COALESCE('another one, in ' || p.market, 'no purchase')
        FROM {purchase_reference} r LEFT JOIN purchase p ON p.card_id = r.card_id
        WHERE p.market IS DISTINCT FROM r.market
           OR p.payment_reference IS DISTINCT FROM r.payment_reference
    """,
}
