"""A value of a wrong type is told by the name of its argument, and is not shown (R30)."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

import giftcard_client
from giftcard_client import (
    Contact,
    GiftCards,
    Money,
    Order,
    OrderLine,
    OutcomeUnknown,
    ReverseReason,
)

# Of types that nobody checks.
ours: Any = giftcard_client
CANARY = "CANARY7Y"
EURO = Money(100)
ORDER = Order("o", EURO, [OrderLine("goods", EURO)])
ADA = Contact("ada@example.org")


@pytest.fixture
def cards() -> Iterator[Any]:
    """A client whose types nobody checks. No server is needed, since nothing is sent."""
    with GiftCards("127.0.0.1:1", timeout_seconds=0.5) as client:
        yield client


WRONG = [
    # (the call, what its TypeError says)
    (
        lambda cards: cards.reverse("id", reason="CHANGE"),
        r"^reason must be a ReverseReason \(CHANGE_OF_MIND, .*TECHNICAL\), not str$",
    ),
    (
        lambda cards: cards.reverse("id", reason="DEFECTIVE", delivered_on="2026-11-20"),
        "^delivered_on must be date or None, not str$",
    ),
    (
        lambda cards: cards.preview_reverse("id", reason="DEFECTIVE", exercised_on=20261120),
        "^exercised_on must be date or None, not int$",
    ),
    (
        lambda cards: cards.reverse("id", reason="DEFECTIVE", before_delivery=1),
        "^before_delivery must be bool, not int$",
    ),
    (lambda cards: cards.capture(ADA), "^authorization_id must be str, not Contact$"),
    (lambda cards: cards.capture("id", 100), "^amount must be Money or None, not int$"),
    (
        lambda cards: cards.capture("id", request_id=7),
        "^request_id must be str or UUID or None, not int$",
    ),
    (lambda cards: cards.authorization(uuid4()), "^authorization_id must be str or None, not UUID"),
    (
        lambda cards: cards.authorize(None, market="fr", order=ORDER, customer=ADA),
        "^code must be str, not NoneType$",
    ),
    (
        lambda cards: cards.authorize(CANARY, market="fr", order={}, customer=ADA),
        "^order must be Order, not dict$",
    ),
    (
        lambda cards: cards.authorize(CANARY, market="fr", order=ORDER, customer=CANARY),
        "^customer must be Contact, not str$",
    ),
    (
        lambda cards: cards.authorize("", market="fr", order=ORDER, customer=ADA, hold_for=60),
        "^hold_for must be timedelta or None, not int$",
    ),
    (lambda cards: cards.terms("fr", timeout_seconds="5"), "^timeout_seconds must be float or "),
    (lambda cards: cards.extend("id", "an hour"), "^hold_for must be timedelta, not str$"),
    (lambda _: ours.Order("o", EURO, EURO), "^Order.lines must be several OrderLine, not Money$"),
    (lambda _: ours.Order("o", EURO, [EURO]), "^Order.lines must be several OrderLine, not list$"),
    (
        lambda _: ours.Order("o", EURO, [], "SPRING"),
        "^Order.discount_codes must be several str, not ",
    ),
    (lambda _: ours.OrderLine("goods", 100), "^OrderLine.amount must be Money, not int$"),
    (lambda _: ours.Contact(b"a@example.org"), "^Contact.email must be str, not bytes$"),
    (lambda _: ours.Purchase("o", 7), "^Purchase.payment_reference must be str, not int$"),
    (
        lambda _: ours.Purchase("o", "r", "CARD"),
        r"^Purchase.payment_method must be a PaymentMethod",
    ),
    (lambda _: ours.Money(1, None), "^Money.currency_code must be str, not NoneType$"),
    (lambda _: ours.GiftCards(50051), "^target must be str, not int$"),
    (
        lambda _: ours.GiftCards("a:1", credentials=b"PEM"),
        "^credentials must be grpc.ChannelCredentials or None, not bytes$",
    ),
    (lambda _: ours.Refunds("a:1").due(b"fr"), "^market must be str, not bytes$"),
    (lambda _: ours.Events("a:1").watch("7"), "^after must be int, not str$"),
    (
        lambda _: ours.Events("a:1").read(types="CARD_ISSUED"),
        "^types must be several a? ?EventType",
    ),
    # What Python says itself stays as it is.
    (lambda cards: cards.authorize("code"), "missing 3 required keyword-only arguments"),
    (lambda cards: cards.capture("id", cents=100), "unexpected keyword argument 'cents'"),
]


@pytest.mark.parametrize(("call", "says"), WRONG)
def test_a_wrong_type_is_told_by_its_argument(
    cards: GiftCards, call: Callable[[Any], object], says: str
) -> None:
    with pytest.raises(TypeError, match=says) as caught:
        call(cards)
    assert CANARY not in str(caught.value)


def test_words_of_the_contract_and_whole_seconds_are_right(cards: Any) -> None:
    assert ours.Purchase("o", "r", "PAY_LATER").payment_method == "PAY_LATER"
    assert Order("o", EURO, (OrderLine("goods", EURO),), ()).lines
    for reason in ("DEFECTIVE", ReverseReason.DEFECTIVE):
        with pytest.raises(OutcomeUnknown):
            cards.reverse("id", reason=reason, delivered_on=date(2026, 11, 20), timeout_seconds=1)
    with pytest.raises(OutcomeUnknown):
        cards.extend("id", timedelta(1))
