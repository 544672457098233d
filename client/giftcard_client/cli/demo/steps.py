"""The life of a card as `giftcard demo` plays it: real calls, each checked before it is shown."""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Barrier
from uuid import uuid4

from rich.markup import escape

from giftcard_client import (
    Authorization,
    AuthorizationState,
    Authorized,
    CardState,
    Contact,
    Declined,
    GiftCard,
    GiftCards,
    Issued,
    Money,
    Order,
    OrderLine,
    PaymentMethod,
    Purchase,
    PurchaseRefund,
    Reason,
    Replacement,
    Reversed,
    ReverseReason,
)
from giftcard_client.cli.amounts import format_amount
from giftcard_client.testing.letters import Letters, subject_of, text_of

MARKET = "fr"
ADA = Contact("ada@example.org", "Ada")
BEN = Contact("ben@example.org", "Ben")


class NotAsExpected(Exception):  # noqa: N818 - it reads as what happened
    """A step did not end as the terms of the card say."""


@dataclass(frozen=True, slots=True)
class Step:
    """A title for what was done, and lines about its outcome.

    `lines` are in rich's markup, and short enough for every terminal: an amount
    that is wrapped is hard to read.
    """

    title: str
    lines: Sequence[str]


def life_of_a_card(cards: GiftCards, letters: Letters) -> Generator[Step]:
    """Play all steps in order; each is yielded after it has been checked."""
    bought = yield from _buying(cards)
    yield from _writing(letters, bought)
    yield from _looking(cards, bought)
    paid = yield from _paying(cards, bought)
    yield from _spending_a_used_card(cards, bought)
    refund_card = yield from _returning(cards, paid)
    yield from _spending_twice_at_once(cards, refund_card)
    yield from _cancelling(cards)


def _buying(cards: GiftCards) -> Generator[Step, None, Issued]:
    price = Money(100_00)
    bought = _issue(cards, "PURCHASE-1", price)
    _expect("the balance of the new card", bought.card.balance, price)
    _expect("the state of the new card", bought.card.state, CardState.ACTIVE)
    yield Step(
        "Purchase: Ada buys a gift card for Ben",
        [
            f"She pays {_amount(price)} by bank card.",
            f"Card {_name(bought.card)} is good until {bought.card.expire_time:%d %B %Y}.",
        ],
    )
    return bought


def _writing(letters: Letters, bought: Issued) -> Generator[Step]:
    to_ben, to_ada = letters.wait_for(BEN.email), letters.wait_for(ADA.email)
    if to_ben is None or to_ada is None:
        message = "no e-mail was written"
        raise NotAsExpected(message)
    written = {"Ben": text_of(to_ben), "Ada": text_of(to_ada)}
    _expect("who is written the code", [n for n in written if bought.code in written[n]], ["Ben"])
    yield Step(
        "E-mail: the card reaches Ben, and a confirmation Ada",
        [
            f"To him: [cyan]{escape(subject_of(to_ben))}[/]",
            f"To her: [cyan]{escape(subject_of(to_ada))}[/]",
            "Only his has the code. A server without a relay writes files like these.",
        ],
    )


def _looking(cards: GiftCards, bought: Issued) -> Generator[Step]:
    order = _order("ORDER-1", Money(60_00))
    seen = cards.validate(bought.code, market=MARKET, order=order)
    _expect("what the card would pay", seen.applicable_amount, Money(60_00))
    _expect("what would be lost", seen.forfeited_amount, Money(40_00))
    yield Step(
        "Validation: Ben asks what the card would pay",
        [
            f"Of {_amount(order.total)}, it would pay {_amount(seen.applicable_amount)}.",
            f"The checkout warns him: {_amount(seen.forfeited_amount)} would be lost,",
            "since a card is used once. He continues shopping.",
        ],
    )


def _paying(cards: GiftCards, bought: Issued) -> Generator[Step, None, Authorization]:
    order = _order("ORDER-1", Money(124_00), delivery=Money(6_00))
    request_id = uuid4()

    def send() -> Authorized:
        return cards.authorize(
            bought.code, market=MARKET, order=order, customer=BEN, request_id=request_id
        )

    held = send().authorization
    _expect("what the gift card pays", held.authorized_amount, Money(100_00))
    _expect("what the bank card pays", held.remaining_due, Money(30_00))
    yield Step(
        "Mixed order: Ben pays with the gift card and his bank card",
        [
            (
                f"Of {_amount(order.total)} with delivery,"
                f" {_amount(held.authorized_amount)} are set aside on the gift card,"
            ),
            f"and his bank card pays {_amount(held.remaining_due)}.",
        ],
    )
    _expect("the answer to the same request", send(), Authorized(held, replayed=True))
    yield Step(
        "Replay: the shop lost the answer, and sends the same request again",
        [f"It gets the same answer: {_amount(held.authorized_amount)}, set aside once, not twice."],
    )
    captured = cards.capture(held.authorization_id).authorization
    _expect("the authorization", captured.state, AuthorizationState.CAPTURED)
    _expect("what was captured", captured.captured_amount, Money(100_00))
    yield Step(
        "Capture: the order leaves the warehouse",
        [f"The gift card has paid {_amount(captured.captured_amount)}, and is used up."],
    )
    return captured


def _spending_a_used_card(cards: GiftCards, bought: Issued) -> Generator[Step]:
    order = _order("ORDER-2", Money(25_00))
    answer = _authorize_or_reason(cards, bought.code, order)
    _expect("the second spending", answer, Reason.CARD_REDEEMED)
    yield Step(
        "Double spend: the used card on another order",
        [f"{_amount(order.total)} are refused: {_reason(answer)}."],
    )


def _returning(cards: GiftCards, paid: Authorization) -> Generator[Step, None, Replacement]:
    first = _return(cards, paid, Money(80_00))
    _expect("what comes back on a card", first.gift_card_amount, Money(80_00))
    _expect("what comes back to the bank card", first.other_tender_amount, Money(0))
    refund_card = _new_card(first)
    yield Step(
        "Part return: Ben sends back things for 80.00 EUR",
        [
            "The gift card's share comes back first:",
            (
                f"{_amount(first.gift_card_amount)} on the new card {_name(refund_card.card)},"
                f" {_amount(first.other_tender_amount)} to his bank card."
            ),
        ],
    )
    rest = _return(cards, paid, Money(50_00))
    _expect("what comes back on a card", rest.gift_card_amount, Money(20_00))
    _expect("what comes back to the bank card", rest.other_tender_amount, Money(30_00))
    yield Step(
        "Part return: Ben sends back the rest, 50.00 EUR",
        [
            "The bank card gets back only its own share:",
            (
                f"{_amount(rest.gift_card_amount)} on the new card {_name(_new_card(rest).card)},"
                f" {_amount(rest.other_tender_amount)} to his bank card."
            ),
        ],
    )
    return refund_card


def _spending_twice_at_once(cards: GiftCards, refund_card: Replacement) -> Generator[Step]:
    orders = [_order("ORDER-3", Money(75_00)), _order("ORDER-4", Money(75_00))]
    together = Barrier(len(orders))

    def spend(order: Order) -> Authorization | Reason:
        together.wait()
        return _authorize_or_reason(cards, refund_card.code, order)

    with ThreadPoolExecutor(len(orders)) as shops:
        answers = list(shops.map(spend, orders))
    holds = [answer for answer in answers if isinstance(answer, Authorization)]
    reasons = [answer for answer in answers if isinstance(answer, Reason)]
    _expect("the order that lost", reasons, [Reason.CARD_HELD])
    captured = cards.capture(holds[0].authorization_id).authorization
    _expect("what was captured", captured.captured_amount, Money(75_00))
    _expect("what is lost", captured.forfeited_amount, Money(5_00))
    yield Step(
        "Double spend: two checkouts send the refund card at the same moment",
        [
            f"One gets its {_amount(captured.captured_amount)};",
            f"the other is refused: {_reason(reasons[0])}.",
            f"The {_amount(captured.forfeited_amount)} that the order did not need are lost.",
        ],
    )


def _cancelling(cards: GiftCards) -> Generator[Step]:
    price = Money(50_00)
    bought = _issue(cards, "PURCHASE-2", price)
    cancelled = cards.cancel(bought.code, purchase_order_id="PURCHASE-2")
    _expect("the card", cancelled.card.state, CardState.CANCELLED)
    _expect(
        "the refund",
        cancelled.refund,
        PurchaseRefund(price, PaymentMethod.BANK_CARD, "PAYMENT-OF-PURCHASE-2"),
    )
    yield Step(
        "Cancellation: Ada buys another card, and changes her mind",
        [
            f"{_name(cancelled.card)} is cancelled; {_amount(cancelled.refund.amount)} go back",
            f"to her bank card, by the payment reference {cancelled.refund.payment_reference}.",
        ],
    )


def _issue(cards: GiftCards, order_id: str, price: Money) -> Issued:
    return cards.issue(
        market=MARKET,
        amount=price,
        purchase=Purchase(order_id, payment_reference=f"PAYMENT-OF-{order_id}"),
        purchaser=ADA,
        recipient=BEN,
    )


def _order(order_id: str, goods: Money, delivery: Money | None = None) -> Order:
    lines = [OrderLine("goods", goods)]
    if delivery is not None:
        lines.append(OrderLine("delivery", delivery))
    return Order(order_id, Money(sum(line.amount.amount_minor for line in lines)), lines)


def _authorize_or_reason(cards: GiftCards, code: str, order: Order) -> Authorization | Reason:
    try:
        return cards.authorize(code, market=MARKET, order=order, customer=BEN).authorization
    except Declined as declined:
        return declined.reason


def _return(cards: GiftCards, paid: Authorization, amount: Money) -> Reversed:
    return cards.reverse(
        authorization_id=paid.authorization_id,
        reason=ReverseReason.CHANGE_OF_MIND,
        refund_amount=amount,
        delivered_on=datetime.now(UTC).date(),
    )


def _new_card(answer: Reversed) -> Replacement:
    if answer.replacement is None:
        message = "money came back, but not on a new card"
        raise NotAsExpected(message)
    return answer.replacement


def _expect(what: str, found: object, expected: object) -> None:
    if found != expected:
        message = f"{what}: expected {_words(expected)}, found {_words(found)}"
        raise NotAsExpected(message)


def _words(value: object) -> str:
    return format_amount(value) if isinstance(value, Money) else str(value)


def _amount(amount: Money) -> str:
    return f"[bold green]{format_amount(amount)}[/]"


def _name(card: GiftCard) -> str:
    return f"[cyan]****-****-****-{card.last4}[/]"


def _reason(reason: object) -> str:
    return f"[bold red]{reason}[/]"
