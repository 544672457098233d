"""`giftcard mail check-templates`: what is missing in a language."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from giftcard_server.commands.answers import Output, OutputFormat, answering
from giftcard_server.commands.exits import settings_or_refuse
from giftcard_server.mail.wording.completeness import missing
from giftcard_server.mail.wording.languages import TEMPLATES


def check_templates(
    folder: Annotated[
        Path,
        typer.Option(
            exists=True, file_okay=False, help="A folder with a folder for each language."
        ),
    ] = TEMPLATES,
    *,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Say what each language of e-mails lacks; exit with 1 if one lacks something.

    Reads the settings for the designs of all markets, which need names.
    """
    markets = settings_or_refuse().known_markets.values()
    designs = {each for market in markets for terms in market.versions for each in terms.designs}
    lacking = missing(folder, designs)
    with answering(output) as answer:
        answer.say(lacking={language: list(lacks) for language, lacks in lacking.items()})
        for language, lacks in lacking.items():
            answer.say(f"{language}:" if lacks else f"{language}: complete")
            for each in lacks:
                answer.say(f"  {each}")
    if any(lacking.values()):
        raise typer.Exit(1)
