"""Facts are loaded from their rows as they were saved."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peewee import Database

from giftcard_rules.cards import Authorization, AuthorizationState, Card, CardOrigin, CardState
from giftcard_rules.commands import PaymentMethod, RequestKey
from giftcard_rules.decisions import CardPurchase
from giftcard_rules.facts import RequestRecord
from giftcard_rules.reasons import Reason
from giftcard_storage import lookups, rows
from giftcard_storage.engines import engine_of
from giftcard_storage.lookups import Lookup
from giftcard_storage.statements import statements_of
from given.databases.tamperings import open_way
from given.made_facts import NOW

# Every text that a fact may hold, and every instant to the microsecond.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
amounts = st.integers(0, 2**62)
instants = st.datetimes(
    datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.just(UTC),
)
maybe = st.none() | texts

cards = st.builds(
    Card,
    card_id=texts,
    market=texts,
    currency=texts,
    origin=st.sampled_from(CardOrigin),
    state=st.sampled_from([state for state in CardState if state is not CardState.BLOCKED]),
    blocked=st.booleans(),
    initial_minor=amounts,
    balance_minor=amounts,
    held_minor=amounts,
    hold_id=maybe,
    issued_at=instants,
    expires_at=instants,
    last4=texts,
    key_id=texts,
    caller=texts,
    request_id=texts,
    purchase_order_id=texts,
    refund_order_id=maybe,
    replaces_card_id=maybe,
    authorization_id=maybe,
    version=amounts,
)
authorizations = st.builds(
    Authorization,
    authorization_id=texts,
    card_id=texts,
    market=texts,
    currency=texts,
    order_id=texts,
    state=st.sampled_from(AuthorizationState),
    order_total_minor=amounts,
    authorized_minor=amounts,
    forfeited_minor=amounts,
    created_at=instants,
    expires_at=instants,
    captured_minor=amounts,
    refunded_minor=amounts,
    refunded_other_minor=amounts,
)
purchases = st.builds(
    CardPurchase,
    card_id=texts,
    market=texts,
    order_id=texts,
    payment_method=st.sampled_from(PaymentMethod),
    payment_reference=texts,
    design=texts,
    deliver_on=st.none() | st.dates(),
)
records = st.builds(
    RequestRecord,
    key=st.builds(RequestKey, texts, texts),
    method=texts,
    prevented=st.booleans(),
    fingerprint=st.binary(max_size=20),
    key_id=texts,
    reason=st.none() | st.sampled_from(Reason),
    answer=st.binary(max_size=20),
    authorization_id=maybe,
)


@dataclass(frozen=True)
class Kind:
    """A kind of facts: how they are made, named, and written as rows."""

    facts: st.SearchStrategy[Any]
    key: Callable[[Any], object]
    sought: str
    insert: str
    lookup: Lookup
    row_of: Callable[[Any], rows.Row]


KINDS = [
    Kind(
        cards,
        lambda card: card.card_id,
        "card_id",
        "insert_card",
        lookups.CARDS,
        rows.card_row,
    ),
    Kind(
        authorizations,
        lambda authorization: authorization.authorization_id,
        "authorization_id",
        "insert_authorization",
        lookups.AUTHORIZATIONS,
        rows.authorization_row,
    ),
    Kind(
        purchases,
        lambda purchase: purchase.card_id,
        "card_id",
        "insert_purchase",
        lookups.PURCHASES,
        rows.purchase_row,
    ),
    Kind(
        records,
        lambda record: (record.key.request_id, record.key.caller),
        "key.request_id",
        "insert_request",
        lookups.REQUESTS,
        lambda record: rows.request_row(record, NOW),
    ),
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.insert)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_facts_are_loaded_as_they_were_saved(
    database: Database, kind: Kind, data: st.DataObject
) -> None:
    facts = data.draw(st.lists(kind.facts, min_size=1, max_size=4, unique_by=kind.key))
    engine = engine_of(database)
    statements = statements_of(engine)
    sought = {attrgetter(kind.sought)(fact) for fact in facts}
    with open_way(database):  # Random facts would break every CHECK.
        saving = (getattr(statements, kind.insert), [kind.row_of(fact) for fact in facts])
        engine.save(database, [saving])
        (found,) = engine.find(database, [(statements.selections[kind.lookup], sought)])
    back = {kind.key(fact): fact for fact in map(kind.lookup.make, found)}
    assert back == {kind.key(fact): fact for fact in facts}


@given(instants)
def test_an_instant_is_stored_to_the_microsecond(instant: datetime) -> None:
    assert rows.instant(rows.microseconds(instant)) == instant
