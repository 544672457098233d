"""Turn the texts of options into values: amounts, orders, people; and read the code."""

import sys
from getpass import getpass

import typer

from giftcard_client import Contact, Money, Order, OrderLine
from giftcard_client.cli.amounts import parse_amount

# The category of the one line of an order that is given by its total alone.
UNNAMED_CATEGORY = "goods"


def option_amount(text: str) -> Money:
    """Read an amount, such as "12.34" or "12.34 EUR"."""
    try:
        return parse_amount(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def option_order_line(text: str) -> OrderLine:
    """Read an order line, such as "books=12.34"."""
    category, equals, amount = text.partition("=")
    if not equals:
        message = f"{text!r} is not an order line; write it like books=12.34 or 'books=12.34 EUR'"
        raise typer.BadParameter(message)
    return OrderLine(category.strip(), option_amount(amount))


def option_order(
    order_id: str,
    total: Money | None,
    lines: list[OrderLine] | None,
    discount_codes: list[str] | None,
) -> Order:
    """Make the order; its total or its lines may be left out, but not both."""
    if total is None:
        if not lines:
            message = "an order needs --total, or --line at least once"
            raise typer.BadParameter(message)
        # Lines in several currencies have no sum. The first currency stands in for
        # them: the server refuses such an order anyway, and says why.
        currency = lines[0].amount.currency_code
        total = Money(sum(line.amount.amount_minor for line in lines), currency)
    return Order(
        order_id, total, lines or [OrderLine(UNNAMED_CATEGORY, total)], discount_codes or []
    )


def option_order_if_any(
    order_id: str | None,
    total: Money | None,
    lines: list[OrderLine] | None,
    discount_codes: list[str] | None,
) -> Order | None:
    """Make the order, or None where no option names one."""
    if order_id is not None:
        return option_order(order_id, total, lines, discount_codes)
    if total or lines or discount_codes:
        message = "an order needs --order-id"
        raise typer.BadParameter(message)
    return None


def option_contact(email: str | None, name: str, locale: str) -> Contact | None:
    """Make a person, or None where there is no e-mail address."""
    if email is not None:
        return Contact(email, name, locale)
    if name or locale:
        message = "a person needs an e-mail address"
        raise typer.BadParameter(message)
    return None


def read_code() -> str:
    """Ask for a card's code on a terminal, or else take the first line of standard input.

    There is no option for it: every user of the machine sees arguments, and the
    shell's history keeps them. The typed code is not shown, because a code is money.
    """
    if sys.stdin.isatty():
        # Not typer's prompt, which asks before it turns the echo off, and loses what
        # is typed or pasted in between.
        code = getpass("Gift card code (stays hidden): ").strip()
    else:
        code = sys.stdin.readline().strip()
    if not code:
        message = "no code: type it when asked, or write it to standard input as one line"
        raise typer.BadParameter(message)
    return code
