"""The events of what happened before there were events, in SQL: migration 0007 runs it.

They come from postings, and from the records of Reverse for what other tenders got, of which no
posting tells. Their order is that of their times, so that it is the same however often it is made.
Frozen with its migration. Nothing here holds more than some rows in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from peewee import SqliteDatabase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from peewee import Database

ROWS_AT_ONCE: Final = 1000
COLUMNS: Final = (
    "card_id", "version", "ordinal", "type", "market", "currency", "card_state",
    "authorization_id", "order_id", "purchase_order_id", "payment_method", "payment_reference",
    "amount_minor", "other_tender_minor", "forfeited_minor", "restored_minor",
    "related_card_id", "occurred_at",
)  # fmt: skip

# What a card's state is called while a block covers it, as far as the block is known.
SHOWN = """
    CASE WHEN c.blocked AND c.blocked_at <= {at} AND {state} IN ('ACTIVE', 'HELD')
         THEN 'BLOCKED' ELSE {state} END
"""
OF_POSTINGS = f"""
    INSERT INTO new_event
    WITH told(kind, type, state) AS (VALUES
        ('ISSUE', 'CARD_ISSUED', 'ACTIVE'), ('AUTHORIZE', 'CARD_HELD', 'HELD'),
        ('CAPTURE', 'CARD_REDEEMED', 'REDEEMED'), ('RELEASE', 'CARD_RELEASED', 'ACTIVE'),
        ('LAPSE', 'HOLD_LAPSED', 'ACTIVE'), ('CANCEL', 'CARD_CANCELLED', 'CANCELLED'),
        ('EXPIRE', 'CARD_EXPIRED', 'EXPIRED'), ('REINSTATE', 'CARD_REINSTATED', 'ACTIVE'),
        ('REHOLD', 'HOLD_REINSTATED', 'HELD'), ('CHARGE_BACK', 'CARD_WRITTEN_OFF', 'CANCELLED'))
    SELECT p.card_id, p.version, p.ordinal, t.type, c.market, c.currency,
           {SHOWN.format(at="p.posted_at", state="t.state")},
           p.authorization_id, a.order_id, b.order_id, b.payment_method, b.payment_reference,
           p.amount_minor,
           CASE p.kind WHEN 'CAPTURE' THEN
               COALESCE(a.other_tender_minor, a.order_total_minor - a.authorized_minor) END,
           CASE p.kind WHEN 'CAPTURE' THEN a.forfeited_minor END,
           CAST(NULL AS BIGINT),
           CASE p.kind WHEN 'CAPTURE' THEN
               (SELECT r.to_card_id FROM posting r WHERE r.card_id = p.card_id
                AND r.version = p.version AND r.kind = 'REISSUE') END,
           p.posted_at
    FROM posting p JOIN told t ON t.kind = p.kind JOIN card c ON c.card_id = p.card_id
         LEFT JOIN "authorization" a ON a.authorization_id = p.authorization_id
         LEFT JOIN purchase b ON b.card_id = p.card_id AND p.kind IN ('ISSUE', 'CANCEL')
"""  # noqa: S608 - made of our own texts
OF_REPLACEMENTS = f"""
    INSERT INTO new_event
    SELECT c.card_id, 1, 0, 'CARD_ISSUED', c.market, c.currency,
           {SHOWN.format(at="c.issued_at", state="'ACTIVE'")},
           c.authorization_id, c.refund_order_id, NULL, NULL, NULL, c.initial_minor,
           NULL, NULL, NULL, c.replaces_card_id, c.issued_at
    FROM card c WHERE c.replaces_card_id IS NOT NULL
"""  # noqa: S608 - made of our own texts
OF_PAYMENTS = """
    INSERT INTO new_event
    SELECT f.card_id, f.version, 0, 'REFUND_PAID', d.market, d.currency,
           CASE WHEN d.authorization_id IS NULL THEN 'CANCELLED' ELSE 'REDEEMED' END,
           d.authorization_id, CASE WHEN d.authorization_id IS NOT NULL THEN d.order_id END,
           b.order_id, b.payment_method, b.payment_reference, f.amount_minor,
           NULL, NULL, NULL, NULL, f.confirmed_at
    FROM refund_confirmation f JOIN refund_due d ON d.card_id = f.card_id
         LEFT JOIN purchase b ON b.card_id = f.card_id AND d.authorization_id IS NULL
"""
# The answer of each Reverse that refunded says what it gave to other tenders.
REFUND_ANSWERS = """
    CREATE TABLE refund_answer (
        authorization_id TEXT NOT NULL, decided_at BIGINT NOT NULL, request_id TEXT NOT NULL,
        caller TEXT NOT NULL, to_cards BIGINT NOT NULL, to_others BIGINT NOT NULL,
        PRIMARY KEY (request_id, caller)
    )
"""
OF_REFUNDS_TO_CARDS = """
    INSERT INTO new_event
    SELECT p.card_id, p.version, MIN(p.ordinal), 'ORDER_REFUNDED', c.market, c.currency,
           'REDEEMED', a.authorization_id, a.order_id, NULL, NULL, NULL,
           SUM(CASE p.kind WHEN 'REFUND' THEN p.amount_minor ELSE 0 END),
           COALESCE(MAX(q.to_others), 0), NULL,
           SUM(CASE p.kind WHEN 'RESTORE' THEN p.amount_minor ELSE 0 END),
           MAX(p.to_card_id), MAX(p.posted_at)
    FROM posting p JOIN card c ON c.card_id = p.card_id
         JOIN "authorization" a ON a.authorization_id = p.authorization_id
         JOIN card back ON back.card_id = p.to_card_id
         LEFT JOIN refund_answer q ON q.request_id = back.request_id AND q.caller = back.caller
    WHERE p.kind IN ('REFUND', 'RESTORE')
    GROUP BY p.card_id, p.version, c.market, c.currency, a.authorization_id, a.order_id
"""
# The version of a refund that gave cards nothing is the one after what came before it.
OF_REFUNDS_TO_OTHERS = """
    INSERT INTO new_event
    SELECT card_id, version + ROW_NUMBER() OVER (
               PARTITION BY card_id, version ORDER BY decided_at, request_id),
           0, 'ORDER_REFUNDED', market, currency, 'REDEEMED', authorization_id, order_id,
           NULL, NULL, NULL, 0, to_others, NULL, 0, NULL, decided_at
    FROM (
        SELECT a.card_id, a.market, a.currency, a.authorization_id, a.order_id,
               q.to_others, q.decided_at, q.request_id,
               (SELECT MAX(e.version) FROM new_event e WHERE e.card_id = a.card_id
                AND e.occurred_at <= q.decided_at AND COALESCE(e.restored_minor, 0) = 0) AS version
        FROM refund_answer q JOIN "authorization" a ON a.authorization_id = q.authorization_id
        WHERE q.to_cards = 0 AND NOT EXISTS (
            SELECT 1 FROM new_event e JOIN card back ON back.card_id = e.related_card_id
            WHERE e.card_id = a.card_id AND e.type = 'ORDER_REFUNDED'
              AND back.request_id = q.request_id AND back.caller = q.caller)
    ) AS placed
"""
# What other tenders got in all, and no answer tells of, was the last that happened.
UNTOLD = """
    SELECT a.authorization_id, a.card_id, a.market, a.currency, a.order_id,
           a.refunded_other_minor - COALESCE(
               (SELECT SUM(e.other_tender_minor) FROM new_event e
                WHERE e.card_id = a.card_id AND e.type = 'ORDER_REFUNDED'), 0) AS minor
    FROM "authorization" a WHERE a.refunded_other_minor > 0
"""
OF_UNTOLD_REFUNDS = f"""
    INSERT INTO new_event
    SELECT u.card_id, MAX(e.version) + CASE WHEN MAX(e.version) < c.version THEN 1 ELSE 0 END,
           MAX(e.ordinal) + 1, 'ORDER_REFUNDED', u.market, u.currency, 'REDEEMED',
           u.authorization_id, u.order_id, NULL, NULL, NULL, 0, u.minor, NULL, 0, NULL,
           MAX(e.occurred_at)
    FROM ({UNTOLD}) AS u JOIN new_event e ON e.card_id = u.card_id
         JOIN card c ON c.card_id = u.card_id
    WHERE u.minor > 0
    GROUP BY u.card_id, u.market, u.currency, u.authorization_id, u.order_id, u.minor, c.version
"""  # noqa: S608 - made of our own texts
# The version of a block is the one after what came before it, as far as that is known.
OF_BLOCKS = """
    INSERT INTO new_event
    SELECT card_id, version,
           (SELECT COALESCE(MAX(e.ordinal) + 1, 0) FROM new_event e
            WHERE e.card_id = placed.card_id AND e.version = placed.version),
           'CARD_BLOCKED', market, currency,
           CASE WHEN state IN ('ACTIVE', 'HELD') THEN 'BLOCKED' ELSE state END,
           NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, blocked_at
    FROM (
        SELECT card_id, market, currency, state, blocked_at,
               CASE WHEN before < version THEN before + 1 ELSE before END AS version
        FROM (SELECT c.card_id, c.market, c.currency, c.state, c.blocked_at, c.version,
                     (SELECT COALESCE(MAX(e.version), 0) FROM new_event e
                      WHERE e.card_id = c.card_id AND e.occurred_at <= c.blocked_at) AS before
              FROM card c
              WHERE c.blocked AND NOT EXISTS (
                  SELECT 1 FROM new_event e WHERE e.card_id = c.card_id
                  AND e.type = 'CARD_ISSUED' AND e.card_state = 'BLOCKED')) AS blocked_card
    ) AS placed
"""
# A card's events stay in their order, though a clock was set back between two of them.
IN_TIME = """
    CREATE TABLE event_in_time (
        placed_at BIGINT NOT NULL, card_id TEXT NOT NULL, version BIGINT NOT NULL,
        ordinal BIGINT NOT NULL, PRIMARY KEY (placed_at, card_id, version, ordinal)
    )
"""
PLACED = """
    INSERT INTO event_in_time
    SELECT MAX(occurred_at) OVER (PARTITION BY card_id ORDER BY version, ordinal
                                  ROWS UNBOUNDED PRECEDING),
           card_id, version, ordinal
    FROM new_event
"""
NUMBERED = f"""
    INSERT INTO event (position, {", ".join(COLUMNS)})
    SELECT ROW_NUMBER() OVER (ORDER BY t.placed_at, t.card_id, t.version, t.ordinal),
           {", ".join(f"e.{column}" for column in COLUMNS)}
    FROM event_in_time t JOIN new_event e
         ON e.card_id = t.card_id AND e.version = t.version AND e.ordinal = t.ordinal
    ORDER BY t.placed_at, t.card_id, t.version, t.ordinal
"""  # noqa: S608 - made of our own texts


def make_events(database: Database) -> None:
    """Fill `event` from what happened; `new_event` is empty before and afterwards."""
    embedded = isinstance(database, SqliteDatabase)
    for statement in (REFUND_ANSWERS, IN_TIME):
        database.execute_sql(f"{statement} WITHOUT ROWID" if embedded else statement)
    _read_answers(database)
    for statement in (
        OF_POSTINGS,
        OF_REPLACEMENTS,
        OF_PAYMENTS,
        OF_REFUNDS_TO_CARDS,
        OF_REFUNDS_TO_OTHERS,
        OF_UNTOLD_REFUNDS,
        OF_BLOCKS,
        PLACED,
        NUMBERED,
        "DELETE FROM new_event" if embedded else "TRUNCATE new_event",
        "DROP TABLE refund_answer",
        "DROP TABLE event_in_time",
    ):
        database.execute_sql(statement)


def _read_answers(database: Database) -> None:
    """Keep what each Reverse that refunded gave to cards and to other tenders, some at a time."""
    mark = database.param
    reading = f"""
        SELECT request_id, caller, decided_at, answer FROM request
        WHERE (request_id, caller) > ({mark}, {mark}) AND method = 'Reverse'
          AND reason IS NULL AND NOT prevented
        ORDER BY request_id, caller LIMIT {ROWS_AT_ONCE}
    """  # noqa: S608 - made of our own texts
    last = ("", "")
    while some := database.execute_sql(reading, last).fetchall():
        for request_id, caller, decided_at, answer in some:
            refund = refund_of(bytes(answer))
            if refund is not None:
                authorization_id, *amounts = refund
                row = (authorization_id, decided_at, request_id, caller, *amounts)
                database.execute_sql(
                    f"INSERT INTO refund_answer VALUES ({', '.join([mark] * len(row))})",  # noqa: S608 - likewise
                    row,
                )
        last = some[-1][:2]


def refund_of(answer: bytes) -> tuple[str, int, int] | None:
    """Return the authorization, and what cards and other tenders got, by a ReverseResponse.

    None where it refunded nothing, or is no such message. Amounts are minor units.
    """
    try:
        fields = dict(_fields(answer))
        if fields.get(1) != REFUNDED:
            return None
        authorization = dict(_fields(fields[5]))
        amounts = (dict(_fields(fields.get(place, b""))).get(1, 0) for place in (2, 3))
        to_cards, to_others = amounts
        return authorization[1].decode(), to_cards, to_others
    except (AttributeError, IndexError, KeyError, TypeError, UnicodeDecodeError, ValueError):
        return None


REFUNDED = 2  # REVERSE_OUTCOME_REFUNDED
_VARINT, _LENGTH_DELIMITED = 0, 2


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the numbers and values of a message of protobuf, numbers and texts alone."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        value: Any
        value, place = _varint(message, place)
        if tag & 7 == _LENGTH_DELIMITED:
            length, value = value, message[place : place + value]
            if len(value) < length:
                raise ValueError
            place += length
        elif tag & 7 != _VARINT:
            raise ValueError
        yield tag >> 3, value


def _varint(message: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follows
            return value, place
