"""Everything that a rule can find wrong with ConfirmRefund, of either target."""

from typing import Final

from giftcard_rules.reasons import Reason
from given.made_facts import Books, cancel, confirm_refund, order
from given.situations import Call, Situation, Wrong


def to_confirm() -> Situation:
    books = Books()
    card = books.bought(50_00)
    books.decide(cancel(card))
    return Situation(confirm_refund(50_00, card_id=card.card_id), books.facts, card_id=card.card_id)


def to_confirm_for_an_order() -> Situation:
    books = Books()
    paid = books.paid(books.bought(50_00), order(80_00))
    books.reversed(paid)
    command = confirm_refund(30_00, authorization_id=paid.authorization_id)
    return Situation(command, books.facts, authorization_id=paid.authorization_id)


IN_ANOTHER_CURRENCY = Wrong(
    Reason.CURRENCY_MISMATCH,
    "currency",
    lambda it: it.change_command(amount=it.command.amount._replace(currency="CHF")),
)
TOO_MUCH = Wrong(
    Reason.REFUND_NOT_DUE,
    "amount",
    lambda it: it.change_command(amount=it.command.amount._replace(amount_minor=50_01)),
)

REFUNDS: Final = {
    "ConfirmRefund": Call(
        to_confirm,
        (
            Wrong(
                Reason.CARD_NOT_FOUND,
                "target",
                lambda it: it.change_command(card_id="no card"),
            ),
            IN_ANOTHER_CURRENCY,
            TOO_MUCH,
        ),
    ),
    "ConfirmRefund for an order": Call(
        to_confirm_for_an_order,
        (
            Wrong(
                Reason.AUTHORIZATION_NOT_FOUND,
                "target",
                lambda it: it.change_command(authorization_id="no authorization"),
            ),
            IN_ANOTHER_CURRENCY,
            TOO_MUCH,
        ),
    ),
}
