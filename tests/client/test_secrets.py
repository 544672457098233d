"""No float is accepted as money, and no code and no person is ever shown."""

import traceback
from dataclasses import fields, is_dataclass, replace
from uuid import uuid4

import pytest

from giftcard_client import (
    Contact,
    Declined,
    GiftCards,
    InvalidRequest,
    Money,
    OutcomeUnknown,
    PaymentMethod,
    Purchase,
    ReverseReason,
)
from given.checkout.shopping import BUYER, SHOPPER, Buy, order, session

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize(
    "amount", [12.34, 1234.0, "1234", True, None], ids=["float", "whole", "text", "bool", "none"]
)
def test_money_is_whole_cents(amount: int) -> None:
    with pytest.raises(TypeError, match="whole number of cents"):
        Money(amount)


@pytest.mark.parametrize(
    "cannot",
    [
        pytest.param({"amount": Money(2**63)}, id="beyond 64 bits"),
        pytest.param({"message": "half a pair: \ud83d"}, id="not Unicode"),
        pytest.param(
            {"purchase": Purchase("p", "r", PaymentMethod.UNRECOGNIZED)}, id="no such word"
        ),
    ],
)
def test_a_value_that_no_message_can_carry_is_an_invalid_request(
    cards: GiftCards, cannot: dict[str, object]
) -> None:
    arguments = {
        "market": "fr",
        "amount": Money(5000),
        "purchase": Purchase("p", "r"),
        "purchaser": BUYER,
    }
    with pytest.raises(InvalidRequest) as caught:
        cards.issue(**{**arguments, **cannot})  # type: ignore[arg-type] # Wrong on purpose.
    assert caught.value.request_id != ""
    # The text must not be found through the causes of the exception either.
    assert caught.value.__context__ is None


def shown(value: object) -> str:
    """Return all that printing shows of a value and of the values in it."""
    inside = (
        " ".join(shown(getattr(value, field.name)) for field in fields(value) if field.repr)
        if is_dataclass(value)
        else ""
    )
    return f"{value!r} {value!s} {inside}"


def test_codes_and_people_are_never_shown(cards: GiftCards) -> None:
    # R30
    purchase = Purchase("p-" + str(uuid4()), str(uuid4()))
    bought = cards.issue(market="fr", amount=Money(5000), purchase=purchase, purchaser=BUYER)
    held = cards.authorize(
        bought.code, market="fr", order=order(9000), customer=SHOPPER, attempt_key=session()
    )
    captured = cards.capture(held.authorization.authorization_id, Money(1000))
    given_back = cards.reverse(held.authorization.authorization_id, reason=ReverseReason.DEFECTIVE)
    assert captured.replacement is not None
    assert given_back.replacement is not None
    secrets = [bought.code, captured.replacement.code, given_back.replacement.code]
    for secret in [*secrets, "amelie@", "Amélie", "chloe@", "Chloé", "fr-FR"]:
        for value in (bought, held, captured, given_back, BUYER, SHOPPER, purchase):
            assert secret not in shown(value)


def test_no_exception_text_carries_a_code_or_a_person(cards: GiftCards, buy: Buy) -> None:
    # R30
    code = buy(5000).code
    someone = Contact("someone@example.com", "S. Omeone")
    texts = []
    for market, key in (("fr", "x" * 100_000), ("xx", ""), ("", "")):
        with pytest.raises((Declined, InvalidRequest, OutcomeUnknown)) as caught:
            cards.authorize(
                code,
                market=market,
                order=replace(order(100), discount_codes=["TEN"]),
                customer=someone,
                attempt_key=key,
            )
        texts += [str(caught.value), repr(caught.value), *traceback.format_exception(caught.value)]
    assert [text for text in texts if code in text or "meone" in text] == []
