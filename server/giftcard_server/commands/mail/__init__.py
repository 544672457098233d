"""`giftcard mail`: the e-mails that people get. Each command is a file of this folder."""

from __future__ import annotations

import typer

from giftcard_server.commands.mail.check_templates import check_templates
from giftcard_server.commands.mail.list_deliveries import list_deliveries
from giftcard_server.commands.mail.preview import preview
from giftcard_server.commands.mail.retry import retry

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _mail() -> None:
    """See what people get by e-mail, and what became of it."""


app.command()(preview)
app.command()(check_templates)
app.command("list")(list_deliveries)
app.command()(retry)
