"""The command `giftcard demo`: show each step of a card's life, and audit the ledger."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from giftcard_client import GiftCardError, GiftCards, Money
from giftcard_client.cli.amounts import format_amount
from giftcard_client.cli.demo.steps import NotAsExpected, Step, life_of_a_card
from giftcard_client.testing.server import (
    ServerFailed,
    TemporaryServer,
    temporary_server,
)

INDENT = 6
# How the totals of a market in the audit add up.
LEDGER = (
    (" ", "issued"),
    ("+", "reissued"),
    ("+", "restored"),
    ("+", "reinstated"),
    ("-", "captured"),
    ("-", "forfeited"),
    ("-", "expired"),
    ("-", "cancelled"),
    ("-", "charged_back"),
    ("=", "outstanding"),
)
# What comes next, up to a reader's own first authorize; no line is longer than 80 characters.
BUY = """issue --market fr --amount 50 --order-id MY-1 \\
    --payment-reference PAY-1 --purchaser-email me@example.org"""
PAY = """authorize --market fr --order-id MY-2 --total 40 \\
    --customer-email me@example.org"""
NEXT = (
    ("start a server", "serve"),
    ("Buy a card, in another terminal; it shows a code", BUY),
    ("Pay with it; it asks for the code", PAY),
)
# Ctrl-C raises an exception already; by default, these end the process at once.
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
# A shell reports this plus the signal's number for a command that a signal ended.
ENDED_BY_SIGNAL = 128


def demo() -> None:
    """Play the life of a card on a new, temporary server, and audit its ledger."""
    console = Console(soft_wrap=True)
    try:
        with _cleaning_up_on_signals():
            _play(console)
    except (NotAsExpected, ServerFailed, GiftCardError) as error:
        console.print(f"[bold red]✗ Not as it should be:[/] {escape(str(error))}")
        raise typer.Exit(1) from None
    console.print("\n[bold]Everything is as it should be.[/] To do it yourself, ", end="")
    for what, command in NEXT:
        console.print(f"{what}:")
        console.print(f"  {_own_command()} {command}", style="cyan", highlight=False)


def _play(console: Console) -> None:
    with temporary_server() as server:
        console.print(f"A server is running on {server.target}, on a new embedded database.\n")
        with GiftCards(server.target) as cards:
            for number, step in enumerate(life_of_a_card(cards, server.letters), start=1):
                _show(console, number, step)
        _show_audit(console, server)
        server.stop()
        console.print("[green]✓[/] The server has stopped cleanly; its database is deleted.")


def _show(console: Console, number: int, step: Step) -> None:
    console.print(f"[green]✓[/] [bold]{number:2}  {escape(step.title)}[/]", highlight=False)
    for line in step.lines:
        console.print(INDENT * " " + line, highlight=False)


def _show_audit(console: Console, server: TemporaryServer) -> None:
    """Run the audit while the server runs, as an operator would."""
    audit = server.audit()
    if audit.returncode != 0:
        message = f"the audit found differences:\n{audit.stdout}{audit.stderr}"
        raise NotAsExpected(message)
    console.print("\n[green]✓[/] [bold]giftcard audit: every invariant of the ledger holds[/]")
    for totals in json.loads(audit.stdout)["totals"]:
        for sign, name in LEDGER:
            if not totals[f"{name}_minor"]:
                continue  # The life of this card has no such movement.
            amount = format_amount(Money(totals[f"{name}_minor"], totals["currency"]))
            console.print(
                f"{sign:>{INDENT}} {name.replace('_', ' '):<14}{amount:>12}", highlight=False
            )


@contextmanager
def _cleaning_up_on_signals() -> Iterator[None]:
    """Turn signals into exceptions, so that the server is stopped and its folder deleted."""

    def end(number: int, _frame: object) -> None:
        sys.exit(ENDED_BY_SIGNAL + number)

    before = {number: signal.signal(number, end) for number in ENDING_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _own_command() -> str:
    """Return the shortest way to call this `giftcard` from the current folder."""
    command = Path(sys.prefix) / "bin" / "giftcard"
    if not command.exists():
        return "giftcard"
    here = Path.cwd()
    return str(command.relative_to(here) if command.is_relative_to(here) else command)
