"""`giftcard mail`: the e-mails that people get. Each command is a file of this folder."""

from __future__ import annotations

import typer

from giftcard_server.commands.mail.send_test import send_test

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _mail() -> None:
    """See what people get by e-mail, and what became of it."""


app.command("test")(send_test)
