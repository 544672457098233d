"""Confirmations of refunds that the rules decline; each makes its own situation."""

from typing import Any

from given.calls import sent
from given.calls.declined_calls import World


def confirming_a_cent_more_than_is_due(world: World) -> Any:
    purchase = sent.issue()
    cancel = sent.cancel(world.call(purchase).code, purchase.purchase.order_id)
    cancelled = world.call(cancel)
    return sent.confirm_refund(50_01, card_id=cancelled.card.card_id)


def confirming_for_an_order_that_was_not_refunded(world: World) -> Any:
    paid = world.paid(world.bought().code)
    return sent.confirm_refund(1, authorization_id=paid.authorization_id)


def confirming_for_an_unknown_card(_world: World) -> Any:
    return sent.confirm_refund(1, card_id="unknown")


def confirming_for_an_unknown_authorization(_world: World) -> Any:
    return sent.confirm_refund(1, authorization_id="unknown")


def confirming_in_another_currency(world: World) -> Any:
    request = confirming_a_cent_more_than_is_due(world)
    request.amount.currency_code = "CHF"
    return request
