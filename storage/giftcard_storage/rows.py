"""Facts as rows of their tables, and rows as facts. Columns are in the order of the schema."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from giftcard_rules.cards import (
    Authorization,
    AuthorizationState,
    Card,
    CardOrigin,
    CardState,
    RefundedFor,
)
from giftcard_rules.commands import PaymentMethod, RequestKey
from giftcard_rules.decisions import CardPurchase
from giftcard_rules.facts import RequestRecord
from giftcard_rules.ledger import MOVES, Posting
from giftcard_rules.reasons import Reason
from giftcard_storage.data_keys import DataKey

# A row as it goes into the database, and as it comes out: a list where it comes as JSON.
Row = tuple[Any, ...]
Found = Sequence[Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

# Looking up a member in a dictionary costs a fraction of calling the class.
_CARD_ORIGIN: Final = {member.value: member for member in CardOrigin}
_CARD_STATE: Final = {member.value: member for member in CardState}
_REFUNDED_FOR: Final = {member.value: member for member in RefundedFor}
_AUTHORIZATION_STATE: Final = {member.value: member for member in AuthorizationState}
# `value` is a property in Python, which a row for each call had better not ask for.
_STATE_OF_CARD: Final = {member: member.value for member in CardState}
_STATE_OF_AUTHORIZATION: Final = {member: member.value for member in AuthorizationState}
_KIND_AND_ACCOUNTS: Final = {
    kind: (kind.value, *(account.value for account in accounts)) for kind, accounts in MOVES.items()
}


def microseconds(instant: datetime) -> int:
    """Return an instant as it is stored."""
    return (instant - _EPOCH) // _MICROSECOND


def _microseconds_or_none(instant: datetime | None) -> int | None:
    return None if instant is None else microseconds(instant)


def instant(stored: int) -> datetime:
    """Return a stored instant, aware and UTC."""
    return _EPOCH + timedelta(microseconds=stored)


def card_row(card: Card) -> Row:
    """Return a card as its row."""
    return (
        card.card_id,
        card.market,
        card.currency,
        card.origin.value,
        _STATE_OF_CARD[card.state],
        card.blocked,
        card.initial_minor,
        card.balance_minor,
        card.held_minor,
        card.hold_id,
        microseconds(card.issued_at),
        microseconds(card.expires_at),
        card.last4,
        card.key_id,
        card.caller,
        card.request_id,
        card.purchase_order_id,
        card.refund_order_id,
        card.replaces_card_id,
        card.authorization_id,
        card.version,
        _microseconds_or_none(card.blocked_at),
        card.terms_from.isoformat() if card.terms_from else None,
    )


def card_of(row: Found) -> Card:
    """Return the card of a row."""
    return Card(
        row[0],
        row[1],
        row[2],
        _CARD_ORIGIN[row[3]],
        _CARD_STATE[row[4]],
        bool(row[5]),
        row[6],
        row[7],
        row[8],
        row[9],
        instant(row[10]),
        instant(row[11]),
        row[12],
        row[13],
        row[14],
        row[15],
        row[16],
        row[17],
        row[18],
        row[19],
        row[20],
        None if row[21] is None else instant(row[21]),
        None if row[22] is None else date.fromisoformat(row[22]),
    )


def card_changes(card: Card, version_at_rest: int) -> Row:
    """Return a card's columns that change, then its id and the version that it must still have."""
    return (
        _STATE_OF_CARD[card.state],
        card.balance_minor,
        card.held_minor,
        card.hold_id,
        card.version,
        card.card_id,
        version_at_rest,
    )


def block_changes(card: Card) -> Row:
    """Return what a block or its end changes of a card, then its key and its new version."""
    return (
        card.blocked,
        _microseconds_or_none(card.blocked_at),
        microseconds(card.expires_at),
        card.card_id,
        card.version,
    )


def authorization_row(authorization: Authorization) -> Row:
    """Return an authorization as its row."""
    return (
        authorization.authorization_id,
        authorization.card_id,
        authorization.market,
        authorization.currency,
        authorization.order_id,
        _STATE_OF_AUTHORIZATION[authorization.state],
        authorization.order_total_minor,
        authorization.authorized_minor,
        authorization.forfeited_minor,
        microseconds(authorization.created_at),
        microseconds(authorization.expires_at),
        authorization.captured_minor,
        authorization.refunded_minor,
        authorization.refunded_other_minor,
        *_later_columns(authorization),
    )


def authorization_of(row: Found) -> Authorization:
    """Return the authorization of a row."""
    return Authorization(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        _AUTHORIZATION_STATE[row[5]],
        row[6],
        row[7],
        row[8],
        instant(row[9]),
        instant(row[10]),
        row[11],
        row[12],
        row[13],
        row[14],
        row[15],
        None if row[16] is None else instant(row[16]),
        None if row[17] is None else instant(row[17]),
        None if row[18] is None else _REFUNDED_FOR[row[18]],
        None if row[19] is None else instant(row[19]),
    )


def authorization_changes(authorization: Authorization) -> Row:
    """Return an authorization's columns that change, then its id."""
    return (
        _STATE_OF_AUTHORIZATION[authorization.state],
        microseconds(authorization.expires_at),
        authorization.captured_minor,
        authorization.refunded_minor,
        authorization.refunded_other_minor,
        *_later_columns(authorization),
        authorization.authorization_id,
    )


def _later_columns(authorization: Authorization) -> Row:
    refunded_for = authorization.refunded_for
    return (
        authorization.other_tender_minor,
        authorization.restored_minor,
        _microseconds_or_none(authorization.captured_at),
        _microseconds_or_none(authorization.first_held_at),
        refunded_for.value if refunded_for else None,
        _microseconds_or_none(authorization.refunded_other_at),
    )


def posting_rows(postings: Sequence[Posting], versions: dict[str, int], now: datetime) -> list[Row]:
    """Return the postings of one decision as rows, with the versions that their cards then have."""
    posted_at = microseconds(now)
    return [
        (
            posting.card_id,
            versions[posting.card_id],
            ordinal,
            *_KIND_AND_ACCOUNTS[posting.kind],
            posting.amount_minor,
            posting.authorization_id,
            posting.to_card_id,
            posted_at,
        )
        for ordinal, posting in enumerate(postings)
    ]


def purchase_row(purchase: CardPurchase) -> Row:
    """Return a purchase as its row."""
    return (
        purchase.card_id,
        purchase.market,
        purchase.order_id,
        purchase.payment_method.value,
        purchase.payment_reference,
        purchase.design,
        purchase.deliver_on.isoformat() if purchase.deliver_on else None,
    )


def purchase_of(row: Found) -> CardPurchase:
    """Return the purchase of a row."""
    card_id, market, order_id, payment_method, payment_reference, design, deliver_on = row
    return CardPurchase(
        card_id,
        market,
        order_id,
        PaymentMethod(payment_method),
        payment_reference,
        design,
        date.fromisoformat(deliver_on) if deliver_on else None,
    )


def request_row(record: RequestRecord, now: datetime) -> Row:
    """Return a request record as its row."""
    return (
        record.key.request_id,
        record.key.caller,
        record.method,
        record.prevented,
        record.fingerprint,
        record.key_id,
        record.reason.value if record.reason else None,
        record.answer,
        record.authorization_id,
        microseconds(now),
        record.exercised_on.isoformat() if record.exercised_on else None,
        record.form,
        record.meaning if record.form else None,
    )


def request_of(row: Found) -> RequestRecord:
    """Return the request record of a row."""
    request_id, caller, method, prevented, fingerprint, key_id, reason, answer, made = row[:9]
    exercised_on, form, meaning = row[10:]
    return RequestRecord(
        RequestKey(caller, request_id),
        method,
        bool(prevented),
        bytes(fingerprint),
        key_id,
        Reason(reason) if reason else None,
        bytes(answer),
        made,
        date.fromisoformat(exercised_on) if exercised_on else None,
        form,
        bytes(meaning) if meaning else b"",
    )


def data_key_of(row: Found) -> DataKey:
    """Return the data key of a row."""
    card_id, data_key_id, key_id, wrapped, role, authorization_id = row
    return DataKey(card_id, data_key_id, key_id, bytes(wrapped), role, authorization_id)
