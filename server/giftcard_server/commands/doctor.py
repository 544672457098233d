"""`giftcard doctor`: what is wrong with the settings and all that they name, and how to mend it."""

from __future__ import annotations

import dataclasses
import logging
import sys
from collections.abc import Iterable
from typing import Final

from giftcard_server import logs
from giftcard_server.commands.answers import Output, OutputFormat, print_json
from giftcard_server.doctor.examination import examine
from giftcard_server.doctor.findings import Finding, is_wrong

EXIT_WRONG: Final = 1


def doctor(output: OutputFormat = Output.TABLE) -> None:
    """Look at all that a server needs, and say what is wrong and how to mend it; exit 1 if so.

    It reads the settings as `giftcard serve` does: run it as the same user, with the same
    environment. It changes nothing, sends nothing, shows no secret, and may run beside a server or
    where none can start. Each line is ok, warn (a server runs all the same) or wrong.
    """
    logs.configure(logging.getLevelName(logging.CRITICAL))  # What is wrong is told by the lines.
    if output is Output.JSON:
        found = [*examine()]
        report = {
            "wrong": is_wrong(found),
            "findings": [dataclasses.asdict(each) for each in found],
        }
        print_json(report)
    else:
        found = [*_printed(examine())]
    sys.exit(EXIT_WRONG if is_wrong(found) else 0)


def _printed(findings: Iterable[Finding]) -> Iterable[Finding]:
    """Print each finding as soon as it is there, as some take seconds."""
    for each in findings:
        to_do = f" -> {each.to_do}" if each.to_do else ""
        print(f"{each.verdict:5}  {each.check:12}  {each.found}{to_do}", flush=True)  # noqa: T201 - the command's output
        yield each
