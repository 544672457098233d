"""The values that the options of `giftcard` stand for: amounts, orders, people, and the code."""

import sys
from getpass import getpass

import typer

from giftcard_client import Contact, Money, Order, OrderLine
from giftcard_client.cli.amounts import parse_amount

# An order that is told by its total alone is one line of this.
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
        # Lines in several currencies have no sum. Nothing is lost by making one
        # up: the server refuses them anyhow, and says why.
        currency = lines[0].amount.currency_code
        total = Money(sum(line.amount.amount_minor for line in lines), currency)
    return Order(
        order_id, total, lines or [OrderLine(UNNAMED_CATEGORY, total)], discount_codes or []
    )


def option_contact(email: str | None, name: str, locale: str) -> Contact | None:
    """Make a person, or nobody where there is no e-mail address."""
    if email is not None:
        return Contact(email, name, locale)
    if name or locale:
        message = "a person has an e-mail address"
        raise typer.BadParameter(message)
    return None


def read_code() -> str:
    """Ask for a card's code, or take the first line of standard input where nobody can be asked.

    Never an option: arguments are seen by everybody on the machine, and kept in
    the shell's history. What is typed stays hidden, because a code is money.
    """
    if sys.stdin.isatty():
        # Not typer's prompt, which asks before it listens, and loses what is
        # typed or pasted in between.
        code = getpass("Gift card code (stays hidden): ").strip()
    else:
        code = sys.stdin.readline().strip()
    if not code:
        message = "no code: type it when asked, or write it to standard input, as one line"
        raise typer.BadParameter(message)
    return code
