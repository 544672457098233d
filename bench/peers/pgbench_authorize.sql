-- The statements of Authorize on PostgreSQL, as one transaction. Each client has cards of its own
-- (every :clients-th), so that no transaction can block another one.
\set card random(0, :cards / :clients - 1) * :clients + :client_id
\set a random(1, 9223372036854775806)
\set b random(1, 9223372036854775806)
BEGIN;
SELECT * FROM request WHERE request_id = to_hex((:a)::bigint) || '-' || to_hex((:b)::bigint);
SELECT * FROM "authorization"
WHERE order_id = 'order-' || to_hex((:a)::bigint) || to_hex((:b)::bigint)
  AND state IN ('OPEN', 'CAPTURED');
SELECT * FROM data_key WHERE card_id = md5((:card)::text);
SELECT *, version + 1 AS next FROM card WHERE card_id = md5((:card)::text)
\gset card_
UPDATE card
SET state = 'HELD', balance_minor = 4000, held_minor = 6000,
    hold_id = md5((:a)::bigint::text || (:b)::bigint::text), version = :card_next
WHERE card_id = md5((:card)::text) AND version = :card_version;
INSERT INTO "authorization" VALUES (
    md5((:a)::bigint::text || (:b)::bigint::text), md5((:card)::text), 'fr', 'EUR',
    'order-' || to_hex((:a)::bigint) || to_hex((:b)::bigint), 'OPEN', 6000, 6000, 4000,
    :now, (:now)::bigint + 86400000000, 0, 0, 0);
INSERT INTO posting VALUES (
    md5((:card)::text), :card_next, 0, 'AUTHORIZE', 'CARD', 'HELD', 6000,
    md5((:a)::bigint::text || (:b)::bigint::text), NULL, :now);
INSERT INTO person VALUES (
    md5((:card)::text), 'CUSTOMER', md5((:a)::bigint::text || (:b)::bigint::text), '0000000000000000',
    decode(repeat('00', 156), 'hex'));
INSERT INTO new_event VALUES (
    md5((:card)::text), :card_next, 0, 'CARD_HELD', 'fr', 'EUR', 'HELD',
    md5((:a)::bigint::text || (:b)::bigint::text), 'order-' || to_hex((:a)::bigint) || to_hex((:b)::bigint),
    NULL, NULL, NULL, 6000, NULL, NULL, NULL, NULL, :now);
INSERT INTO request VALUES (
    to_hex((:a)::bigint) || '-' || to_hex((:b)::bigint), 'plaintext', 'Authorize', FALSE,
    decode(md5('asked'), 'hex'), 'k1', NULL, decode(repeat('00', 180), 'hex'),
    md5((:a)::bigint::text || (:b)::bigint::text), :now);
COMMIT;
