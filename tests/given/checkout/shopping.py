"""The people, the orders and the payments of the client's tests."""

from collections.abc import Callable
from uuid import uuid4

from giftcard.v1 import order_pb2
from giftcard_client import Contact, Issued, Money, Order, OrderLine
from giftcard_client.tender import GiftCardTender, Payment, Tender, TenderResult, TenderStatus
from given.calls import sent


def person(contact: order_pb2.Contact) -> Contact:
    """Return a person of the shared requests as the client takes them."""
    return Contact(contact.email, contact.name, contact.locale)


BUYER, SHOPPER = person(sent.BUYER), person(sent.SHOPPER)

# The value of the cards in these tests, unless a test says otherwise.
CARD_MINOR = 5000

# The fixture that buys a card over an amount in cents.
Buy = Callable[[int], Issued]


def session() -> str:
    """Return a new session, so that no test is throttled for another test's wrong codes."""
    return f"session-{uuid4()}"


def order(*amounts_minor: int, category: str = "clothing") -> Order:
    """Return a new order, with a line for each amount."""
    lines = [OrderLine(category, Money(amount)) for amount in amounts_minor]
    return Order(f"order-{uuid4()}", Money(sum(amounts_minor)), lines)


def payment(code: str, basket: Order, amount_minor: int | None = None) -> Payment:
    """Return a gift card's share of `basket`: all of it, or `amount_minor`."""
    asked = basket.total if amount_minor is None else Money(amount_minor)
    return Payment(str(uuid4()), code, asked, basket, "fr", SHOPPER, session())


def capture(tender: Tender, reference: str, amount: Money | None = None) -> TenderResult:
    """Capture under a new request id."""
    return tender.capture(reference, amount, request_id=str(uuid4()))


def is_free(tender: GiftCardTender, code: str) -> bool:
    """Return whether another order can have the whole card now; the card is free again after."""
    held = tender.authorize(payment(code, order(CARD_MINOR)))
    if held.status is not TenderStatus.AUTHORIZED:
        return False
    return tender.void(reference=held.reference).status is TenderStatus.VOIDED
