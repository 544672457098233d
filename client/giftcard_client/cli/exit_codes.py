"""What the commands of `giftcard` end with: an exit code and, after a no, why."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from enum import IntEnum

from rich.console import Console
from rich.text import Text

from giftcard_client import Declined, GiftCardError, InvalidRequest, OutcomeUnknown, Validation
from giftcard_client.cli.options import Output


class ExitCode(IntEnum):
    """How a command ended, for scripts."""

    OK = 0
    FAILED = 1
    USAGE = 2  # What every command line tool answers to options that it cannot read.
    DECLINED = 3
    INVALID = 4
    OUTCOME_UNKNOWN = 5


HEADLINES = {
    ExitCode.FAILED: "The server does not take this request from here.",
    ExitCode.DECLINED: "Declined: nothing was done.",
    ExitCode.INVALID: "The request is malformed: nothing was done.",
    ExitCode.OUTCOME_UNKNOWN: "No decided answer: send the same again, with this --request-id.",
}
MAY_STAND_HEADLINE = "Declined: this try did nothing; an earlier one with this id may have."

EXIT_CODES_HELP = """Exit codes:

- 0: done
- 1: failed for another reason, such as credentials
- 2: the command line is wrong
- 3: declined by a rule; or, from validate, not usable
- 4: the request is malformed
- 5: no decided answer came; send the same again, with its --request-id
"""


def exit_code_of(answer: object) -> ExitCode:
    """Tell a script what a person reads in the answer: Validate alone says no in its answer."""
    if isinstance(answer, Validation) and not answer.usable:
        return ExitCode.DECLINED
    return ExitCode.OK


def report(error: GiftCardError, extra: Mapping[str, object], output: Output) -> ExitCode:
    """Say on standard error why there is no answer; `extra` is told with it."""
    exit_code, facts = _facts_of(error)
    console = Console(stderr=True, soft_wrap=True)
    if output is Output.JSON:
        # Past rich, which would colour what a program reads.
        json.dump({"error": exit_code.name.lower(), **facts, **extra}, console.file)
        console.file.write("\n")
        return exit_code
    may_stand = isinstance(error, Declined) and error.may_stand
    headline = MAY_STAND_HEADLINE if may_stand else HEADLINES[exit_code]
    console.print(Text(headline, style="bold red"))
    for name, value in _named_words({**facts, **extra}):
        console.print(Text(f"  {name}: {value}"))
    return exit_code


def _facts_of(error: GiftCardError) -> tuple[ExitCode, dict[str, object]]:
    match error:
        case Declined():
            facts: dict[str, object] = {"reason": error.name, "facts": dict(error.facts)}
            return ExitCode.DECLINED, facts | _when_to_return(error.retry_after)
        case InvalidRequest():
            return ExitCode.INVALID, {"violations": [asdict(each) for each in error.violations]}
        case OutcomeUnknown():
            facts = {"explanation": error.explanation}
            return ExitCode.OUTCOME_UNKNOWN, facts | _when_to_return(error.retry_after)
        case _:
            return ExitCode.FAILED, {"explanation": error.explanation}


def _when_to_return(retry_after: timedelta | None) -> dict[str, object]:
    return {} if retry_after is None else {"retry_after_seconds": retry_after.total_seconds()}


def _named_words(facts: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in facts.items():
        if isinstance(value, dict):
            yield from _named_words(value)
        elif isinstance(value, list):
            yield from ((each["field"] or "request", each["description"]) for each in value)
        else:
            yield name.replace("_", " "), str(value)
