"""The part that all commands share which call the server: connect, call, show the answer."""

import functools
import inspect
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import typer
from rich.console import Console

from giftcard_client import Captured, GiftCardError, Reversed
from giftcard_client.cli.exit_codes import exit_code_of, report
from giftcard_client.cli.options import (
    AuthorityFile,
    CertificateFile,
    KeyFile,
    Output,
    OutputFormat,
    ShowCode,
    Target,
    TimeoutSeconds,
)
from giftcard_client.cli.output import answer_json, answer_table
from giftcard_client.sandbox import SandboxCard

DEFAULT_TARGET = "127.0.0.1:50051"
DEFAULT_TIMEOUT_SECONDS = 5.0

# The answers that may contain a new card, and with it a code.
BRING_A_CODE = {Captured, Reversed, SandboxCard}


@dataclass(frozen=True, slots=True)
class Made:
    """Marks a parameter of a command that several options make: those of the function `by`."""

    by: Callable[..., object]


def remote_command(command: Callable[..., object]) -> Callable[..., None]:
    """Make a command out of a function that takes a client and options, and returns an answer.

    The type of its first parameter says which client: GiftCards, or one of another service.

    The command has the shared options too, makes a request id where none is given
    (so that it can show the id to a user who has to repeat the command), and
    shows the answer.
    """
    client, *own = inspect.signature(command, eval_str=True).parameters.values()

    def run(
        *,
        target: Target = DEFAULT_TARGET,
        output: OutputFormat = Output.TABLE,
        timeout_seconds: TimeoutSeconds = DEFAULT_TIMEOUT_SECONDS,
        ca: AuthorityFile = None,
        cert: CertificateFile = None,
        key: KeyFile = None,
        show_code: ShowCode = False,
        **options: Any,  # noqa: ANN401 - the options of the command itself
    ) -> None:
        shown: dict[str, object] = {}
        if "request_id" in options:
            options["request_id"] = str(options["request_id"] or uuid.uuid4())
            shown["request_id"] = options["request_id"]
        made = _made(own, options)
        credentials = credentials_of(ca, cert, key)
        try:
            with client.annotation(
                target, credentials=credentials, timeout_seconds=timeout_seconds
            ) as opened:
                answer = command(opened, **made)
        except GiftCardError as error:
            raise typer.Exit(report(error, shown, output)) from None
        if output is Output.JSON:
            typer.echo(answer_json(answer, shown, show_code=show_code))
        else:
            console = Console(soft_wrap=True)
            for line in answer_table(answer, shown, show_code=show_code):
                console.print(line)
        raise typer.Exit(exit_code_of(answer))

    return _with_options_of_both(run, command)


def _with_options_of_both(
    run: Callable[..., None], command: Callable[..., object]
) -> Callable[..., None]:
    """Add the name, help and options of `command` to `run`; typer reads them from signatures."""
    signature = inspect.signature(command, eval_str=True)
    _cards, *parameters = signature.parameters.values()
    own = [option for parameter in parameters for option in _options_of(parameter)]
    shared = [
        parameter
        for parameter in inspect.signature(run).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        and (parameter.name != "show_code" or signature.return_annotation in BRING_A_CODE)
    ]
    functools.update_wrapper(run, command)
    run.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined] # PEP 362
    return run


def _maker_of(parameter: inspect.Parameter) -> Callable[..., object] | None:
    """Return what makes a parameter of several options; None where it is an option itself."""
    marks = getattr(parameter.annotation, "__metadata__", ())
    return next((mark.by for mark in marks if isinstance(mark, Made)), None)


def _options_of(parameter: inspect.Parameter) -> list[inspect.Parameter]:
    """Return the options that make a parameter, in its place."""
    maker = _maker_of(parameter)
    if maker is None:
        return [parameter]
    options = inspect.signature(maker, eval_str=True).parameters.values()
    return [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in options]


def _made(parameters: list[inspect.Parameter], options: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a command, those among them made that several options make."""
    arguments = dict(options)
    for parameter in parameters:
        maker = _maker_of(parameter)
        if maker is not None:
            names = [each.name for each in _options_of(parameter)]
            arguments[parameter.name] = maker(**{name: arguments.pop(name) for name in names})
    return arguments


def credentials_of(
    ca: Path | None, cert: Path | None, key: Path | None
) -> grpc.ChannelCredentials | None:
    """Return what the options about certificates say; None: no TLS."""
    if (cert is None) != (key is None):
        message = "--cert and --key belong together"
        raise typer.BadParameter(message)
    if cert is not None and ca is None:
        message = "--cert needs --ca: our certificate is shown only to a server that we trust"
        raise typer.BadParameter(message)
    if ca is None:
        return None
    return grpc.ssl_channel_credentials(
        root_certificates=ca.read_bytes(),
        private_key=key.read_bytes() if key else None,
        certificate_chain=cert.read_bytes() if cert else None,
    )
