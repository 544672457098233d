"""Facts come back from their rows as they were."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from giftcard_rules.cards import Authorization, AuthorizationState, Card, CardOrigin, CardState
from giftcard_rules.commands import PaymentMethod, RequestKey
from giftcard_rules.decisions import CardPurchase
from giftcard_rules.facts import RequestRecord
from giftcard_rules.reasons import Reason
from giftcard_storage import rows
from made_facts import NOW

# Every text that a fact may hold, and every instant to the microsecond.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
amounts = st.integers(0, 2**62)
instants = st.datetimes(
    datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis puts the zone to it
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


@given(cards)
def test_a_card_is_its_row(card: Card) -> None:
    assert rows.card_of(rows.card_row(card)) == card


@given(authorizations)
def test_an_authorization_is_its_row(authorization: Authorization) -> None:
    assert rows.authorization_of(rows.authorization_row(authorization)) == authorization


@given(purchases)
def test_a_purchase_is_its_row(purchase: CardPurchase) -> None:
    assert rows.purchase_of(rows.purchase_row(purchase)) == purchase


@given(records)
def test_a_request_record_is_its_row(record: RequestRecord) -> None:
    assert rows.request_of(rows.request_row(record, NOW)) == record


@given(instants)
def test_an_instant_is_kept_to_the_microsecond(instant: datetime) -> None:
    assert rows.instant(rows.microseconds(instant)) == instant
