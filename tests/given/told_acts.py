"""Acts whose events a table names: each plays what comes before, and returns the command."""

from collections.abc import Callable
from datetime import timedelta

from giftcard_rules.cards import Authorization, Card
from giftcard_rules.commands import (
    BlockCard,
    CatchUp,
    Command,
    ReverseReason,
    UnblockCard,
    WriteOffCard,
)
from given.made_facts import (
    FRIEND,
    HOLD_LAPSED,
    Books,
    authorize,
    cancel,
    capture,
    confirm_refund,
    euros,
    extend,
    issue,
    order,
    reverse,
)

Act = Callable[[Books], Command]


def bought(books: Books) -> Card:
    return books.bought(50_00, order_id="purchase-1", payment_reference="payment-1")


def held(books: Books, total_minor: int = 50_00) -> tuple[Card, Authorization]:
    card = bought(books)
    return card, books.authorized(card, order(total_minor))


def sell(_books: Books) -> Command:
    return issue(50_00)


def set_aside(books: Books) -> Command:
    return authorize(bought(books).card_id, order(40_00))


def set_aside_again(books: Books) -> Command:
    card, _ = held(books)
    return authorize(card.card_id, order(30_00))


def hold_longer(books: Books) -> Command:
    return extend(held(books)[1].authorization_id, timedelta(hours=1))


def capture_all(books: Books) -> Command:
    return capture(held(books, 70_00)[1].authorization_id)


def capture_less(books: Books) -> Command:
    hold = held(books, 40_00)[1]
    return capture(hold.authorization_id, 25_00)


def capture_beside_another_tender(books: Books) -> Command:
    hold = held(books, 70_00)[1]
    return capture(hold.authorization_id, other_tender_amount=euros(5_00))


def release(books: Books) -> Command:
    return reverse(held(books)[1].authorization_id)


def release_after_expiry(books: Books) -> Command:
    card = bought(books)
    books.now = card.expires_at - timedelta(minutes=1)
    hold = books.authorized(card, order())
    books.now = card.expires_at
    return reverse(hold.authorization_id)


def lapse_then_pay_another(books: Books) -> Command:
    card, _ = held(books)
    books.now = HOLD_LAPSED
    return authorize(card.card_id, order(20_00, order_id="order-2"))


def lapse_and_expire(books: Books) -> Command:
    card, _ = held(books)
    books.now = card.expires_at
    return CatchUp(card.card_id)


def decline_after_expiry(books: Books) -> Command:
    card = bought(books)
    books.now = card.expires_at
    return authorize(card.card_id, order())


def refund_a_part(books: Books) -> Command:
    _, hold = held(books, 70_00)
    books.captured(hold)
    return reverse(hold.authorization_id, 60_00, beneficiary=FRIEND)


def refund_other_tenders_alone(books: Books) -> Command:
    _, hold = held(books, 70_00)
    books.captured(hold)
    books.reversed(hold, 50_00)
    return reverse(hold.authorization_id)


def refund_and_restore(books: Books) -> Command:
    _, hold = held(books, 40_00)
    books.captured(hold)
    return reverse(hold.authorization_id, reason=ReverseReason.TECHNICAL)


def cancel_the_purchase(books: Books) -> Command:
    return cancel(bought(books))


def confirm_a_cancelled_purchase(books: Books) -> Command:
    card = bought(books)
    books.decide(cancel(card))
    return confirm_refund(20_00, card_id=card.card_id)


def confirm_other_tenders(books: Books) -> Command:
    _, hold = held(books, 70_00)
    books.captured(hold)
    books.reversed(hold)
    return confirm_refund(5_00, authorization_id=hold.authorization_id)


def block(books: Books) -> Command:
    return BlockCard(bought(books).card_id)


def block_after_a_lapse(books: Books) -> Command:
    card, _ = held(books)
    books.now = HOLD_LAPSED
    return BlockCard(card.card_id)


def block_what_is_used(books: Books) -> Command:
    card, hold = held(books)
    books.captured(hold)
    return BlockCard(card.card_id)


def block_twice(books: Books) -> Command:
    card = bought(books)
    books.decide(BlockCard(card.card_id))
    return BlockCard(card.card_id)


def unblock(books: Books) -> Command:
    card = bought(books)
    books.decide(BlockCard(card.card_id))
    return UnblockCard(card.card_id, restore_validity=False)


def unblock_what_expired_meanwhile(books: Books) -> Command:
    card = bought(books)
    books.decide(BlockCard(card.card_id))
    books.now = card.expires_at
    return UnblockCard(card.card_id, restore_validity=True)


def write_off_what_is_held(books: Books) -> Command:
    card, _ = held(books, 30_00)
    books.decide(BlockCard(card.card_id))
    return WriteOffCard(card.card_id)


def refund_what_is_blocked(books: Books) -> Command:
    card, hold = held(books)
    books.captured(hold)
    books.decide(BlockCard(card.card_id))
    return reverse(hold.authorization_id)
