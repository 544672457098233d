"""Exit codes of the commands of `giftcard`, and the report of a failed call."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from enum import IntEnum

from rich.console import Console
from rich.text import Text

from giftcard_client import (
    Declined,
    GiftCardError,
    InvalidRequest,
    Money,
    OutcomeUnknown,
    ReversePreview,
    Validation,
)
from giftcard_client.cli.amounts import format_amount
from giftcard_client.cli.options import Output

# The ending of a fact that is an amount in minor units.
MINOR = "_minor"


class ExitCode(IntEnum):
    """How a command ended, for scripts."""

    OK = 0
    FAILED = 1
    USAGE = 2  # The usual exit code for options that cannot be read.
    DECLINED = 3
    INVALID = 4
    OUTCOME_UNKNOWN = 5


HEADLINES = {
    ExitCode.FAILED: "The server takes no such call from here: nothing was done.",
    ExitCode.DECLINED: "Declined: nothing was done.",
    ExitCode.INVALID: "The request is malformed: nothing was done.",
    ExitCode.OUTCOME_UNKNOWN: "No decided answer: repeat the command with this --request-id.",
}
# For calls without a request id, which change nothing.
NO_ANSWER_HEADLINE = "No answer. Nothing was changed; the command can be repeated."
MAY_STAND_HEADLINE = (
    "Declined: this try did nothing; an earlier one with this id may have succeeded."
)

EXIT_CODES_HELP = """Exit codes:

- 0: done
- 1: failed for another reason, such as credentials
- 2: the command line is wrong
- 3: declined by a rule; for validate, the card is not usable; for preview-reverse, reverse would
  be declined; for events compare, the service lacks some of the events
- 4: the request is malformed
- 5: no decided answer came; repeat the command with its --request-id
"""


def exit_code_of(answer: object) -> ExitCode:
    """Return the exit code for an answer: only Validate and a preview refuse by an answer."""
    if isinstance(answer, Validation) and not answer.usable:
        return ExitCode.DECLINED
    if isinstance(answer, ReversePreview) and answer.reason is not None:
        return ExitCode.DECLINED
    return ExitCode.OK


def report(error: GiftCardError, extra: Mapping[str, object], output: Output) -> ExitCode:
    """Report on standard error why there is no answer, together with `extra`."""
    exit_code, details = _details_of(error)
    console = Console(stderr=True, soft_wrap=True)
    if output is Output.JSON:
        # Not through rich, which would add colours to what a program reads.
        kind = {"error": exit_code.name.lower(), "exception": type(error).__name__}
        if isinstance(error, Declined):
            details["may_stand"] = error.may_stand
        json.dump({**kind, **details, **extra}, console.file)
        console.file.write("\n")
        return exit_code
    console.print(Text(_headline(error, exit_code), style="bold red"))
    for name, value in _names_and_texts({**details, **extra}):
        console.print(Text(f"  {name}: {value}"))
    return exit_code


def _headline(error: GiftCardError, exit_code: ExitCode) -> str:
    if isinstance(error, Declined) and error.may_stand:
        return MAY_STAND_HEADLINE
    if isinstance(error, OutcomeUnknown) and not error.request_id:
        return NO_ANSWER_HEADLINE
    return HEADLINES[exit_code]


def _details_of(error: GiftCardError) -> tuple[ExitCode, dict[str, object]]:
    """Return the exit code, and what the attributes of the exception say."""
    match error:
        case Declined():
            details: dict[str, object] = {"reason": error.name, "sentence": error.sentence}
            details |= {"facts": dict(error.facts)} | _retry_after(error.retry_after)
            return ExitCode.DECLINED, details
        case InvalidRequest():
            return ExitCode.INVALID, {"violations": [asdict(each) for each in error.violations]}
        case OutcomeUnknown():
            details = {"explanation": error.explanation}
            return ExitCode.OUTCOME_UNKNOWN, details | _retry_after(error.retry_after)
        case _:
            return ExitCode.FAILED, {"explanation": error.explanation}


def _retry_after(retry_after: timedelta | None) -> dict[str, object]:
    return {} if retry_after is None else {"retry_after_seconds": retry_after.total_seconds()}


def _with_money(facts: Mapping[str, str]) -> dict[str, object]:
    """Return the facts of a decline with amounts as money, where they name a currency."""
    currency = facts.get("currency_code", "")
    shown: dict[str, object] = {}
    for name, value in facts.items():
        if name.endswith(MINOR) and currency and value.isdigit():
            shown[name.removesuffix(MINOR)] = format_amount(Money(int(value), currency))
        elif name != "currency_code":
            shown[name] = value
    return shown


def _names_and_texts(details: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in details.items():
        if isinstance(value, dict):
            yield from _names_and_texts(_with_money(value))
        elif isinstance(value, list):
            yield from ((each["field"] or "request", each["description"]) for each in value)
        else:
            yield name.replace("_", " "), str(value)
