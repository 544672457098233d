"""What the payment provider owes and that it has paid: R24 and R29."""

from datetime import timedelta

import pytest

from giftcard_rules.cards import CardState
from giftcard_rules.commands import Declined, PaymentMethod
from giftcard_rules.ledger import Posting, PostingKind
from giftcard_rules.reasons import Reason
from giftcard_rules.refund_commands import RefundConfirmed, RefundDue
from given.made_facts import NOW, Books, cancel, confirm_refund, order

HOUR = timedelta(hours=1)


def not_due(due_minor: int) -> Declined:
    details = {"due_amount_minor": str(due_minor), "currency_code": "EUR"}
    return Declined(Reason.REFUND_NOT_DUE, details)


def test_r29_a_cancelled_purchase_is_paid_back_in_parts_and_the_card_stays_cancelled() -> None:
    books = Books()
    card = books.bought(75_00, order_id="purchase-1", payment_reference="payment-1")
    books.decide(cancel(card))
    books.wait(HOUR)
    books.confirmed(25_00, card_id=card.card_id)
    books.wait(HOUR)
    last = confirm_refund(50_00, card_id=card.card_id, provider_reference="refund-2")
    decision = books.decide(last)

    due = RefundDue(
        card.card_id,
        None,
        "fr",
        "EUR",
        "purchase-1",
        75_00,
        75_00,
        due_at=NOW,
        confirmed_at=NOW + 2 * HOUR,
        provider_reference="refund-2",
    )
    assert decision.outcome == RefundConfirmed(due, PaymentMethod.BANK_CARD, "payment-1")
    assert decision.postings == (Posting(PostingKind.REFUND_PAID, card.card_id, 50_00),)
    after = books.card(card)
    assert (after.state, after.balance_minor) == (CardState.CANCELLED, 0)
    assert after.version == card.version + 3
    assert books.decide(confirm_refund(1, card_id=card.card_id)).outcome == not_due(0)


def test_r24_what_goes_to_other_tenders_is_confirmed_without_a_posting() -> None:
    books = Books()
    card = books.bought(50_00)
    paid = books.paid(card, order(80_00, order_id="order-7"))
    books.reversed(paid, 60_00)
    books.wait(HOUR)
    books.reversed(paid, 20_00)
    target = paid.authorization_id
    assert books.decide(confirm_refund(30_01, authorization_id=target)).outcome == not_due(30_00)
    decision = books.decide(confirm_refund(30_00, authorization_id=target))

    assert decision.postings == ()
    assert isinstance(decision.outcome, RefundConfirmed)
    due = decision.outcome.refund_due
    assert (due.card_id, due.authorization_id, due.order_id) == (card.card_id, target, "order-7")
    assert (due.due_minor, due.unconfirmed_minor, due.due_at) == (30_00, 0, NOW + HOUR)
    assert decision.outcome.payment_method is None
    assert books.card(card).state is CardState.REDEEMED


def test_r24_a_refund_after_all_was_confirmed_is_due_since_then() -> None:
    books = Books()
    paid = books.paid(books.bought(50_00), order(90_00))
    target = paid.authorization_id
    dues = []
    for refunded_minor, confirmed_minor in ((60_00, 10_00), (10_00, 5_00), (10_00, 10_00)):
        books.reversed(paid, refunded_minor)
        dues.append(books.confirmed(confirmed_minor, authorization_id=target))
        books.wait(HOUR)
    assert [(due.unconfirmed_minor, due.due_at) for due in dues] == [
        (0, NOW),
        (5_00, NOW + HOUR),
        (5_00, NOW + HOUR),
    ]


@pytest.mark.parametrize("state", ["bought", "held", "used", "refunded to other tenders"])
def test_nothing_is_due_for_a_card_whose_purchase_was_not_cancelled(state: str) -> None:
    books = Books()
    card = books.bought(50_00)
    if state != "bought":
        hold = books.authorized(card, order(80_00))
        target = hold.authorization_id
        assert books.decide(confirm_refund(1, authorization_id=target)).outcome == not_due(0)
        if state != "held":
            paid = books.captured(hold).authorization
            assert books.decide(confirm_refund(1, authorization_id=target)).outcome == not_due(0)
            if state != "used":
                books.reversed(paid)
    assert books.decide(confirm_refund(1, card_id=card.card_id)).outcome == not_due(0)
