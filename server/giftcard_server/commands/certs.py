"""`giftcard certs`: a development authority and certificates, to try mutual TLS in one command."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from shlex import quote
from typing import Annotated, Final

import typer
from cryptography import x509

from giftcard_server.callers.roles import Role
from giftcard_server.commands.answers import Output, OutputFormat, answering
from giftcard_server.commands.development_authority import (
    CLIENT,
    SERVER,
    Certified,
    DevelopmentAuthority,
    Validity,
    Wish,
)
from giftcard_server.commands.exits import refuse
from giftcard_server.keys import whole_files

AUTHORITY: Final = "ca"
SERVER_NAME: Final = "server"
SETTINGS: Final = "giftcard.toml"
THIS_MACHINE: Final = ("localhost", "127.0.0.1", "::1")
AUTHORITY_DAYS: Final = 5 * 365
# The clocks of other machines may be behind.
CLOCK_SKEW: Final = timedelta(hours=1)
_HOST: Final = re.compile(r"(\*\.)?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


def certs(
    folder: Annotated[
        Path, typer.Argument(help="The folder for all files; it is made if need be.")
    ],
    *,
    days: Annotated[
        int, typer.Option(min=1, max=AUTHORITY_DAYS, help="How long certificates are valid.")
    ] = 30,
    host: Annotated[
        list[str] | None,
        typer.Option(help="Another name or address of the server. Repeatable."),
    ] = None,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Make a development authority, and certificates for a server and a caller of each role.

    Run again with the same folder, it makes new certificates of the same authority. Not for
    production: the authority's private key lies beside the certificates.
    """
    now = datetime.now(UTC)
    try:
        names = [_name_of(each) for each in (*THIS_MACHINE, *(host or []))]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = _authority_in(folder, now)
        valid_until = min(now + timedelta(days=days), authority.valid_until)
        validity = Validity(now - CLOCK_SKEW, valid_until)
        for wish in _wishes(names, validity):
            _write(folder, wish.common_name, authority.certify(wish))
        if not (folder / SETTINGS).exists():  # An existing file may have been edited.
            text = _settings(folder.absolute())
            whole_files.replace(folder / SETTINGS, text.encode(), whole_files.FOR_ALL_TO_READ)
    except OSError as error:
        refuse(f"{error.filename or folder}: {error.strerror}", "make certificates")
    except ValueError as error:
        refuse(f"{folder}: {error}", "make certificates")
    with answering(output) as answer:
        answer.say(
            _next_steps(folder, validity),
            folder=folder,
            valid_until=validity.not_after,
            settings=folder / SETTINGS,
            authority=_paths(folder, AUTHORITY)[0],
        )


def _authority_in(folder: Path, now: datetime) -> DevelopmentAuthority:
    """Return the authority of a folder, a new one if it has none. Raises OSError, ValueError."""
    certificate, key = _paths(folder, AUTHORITY)
    if not certificate.exists() and not key.exists():
        validity = Validity(now - CLOCK_SKEW, now + timedelta(days=AUTHORITY_DAYS))
        authority = DevelopmentAuthority.new("giftcard development", validity)
        _write(folder, AUTHORITY, authority.kept)
        return authority
    authority = DevelopmentAuthority.of(Certified(certificate.read_bytes(), key.read_bytes()))
    if authority.valid_until <= now:
        message = "its authority has expired: remove it, or take another folder"
        raise ValueError(message)
    return authority


def _wishes(server: Sequence[x509.GeneralName], validity: Validity) -> Iterable[Wish]:
    yield Wish(SERVER_NAME, server, (SERVER,), validity)
    for role in Role:
        name = x509.UniformResourceIdentifier(_caller(role))
        yield Wish(role.value, [name], (CLIENT,), validity)


def _name_of(host: str) -> x509.GeneralName:
    """Return a host in the form that certificates have. Raises ValueError."""
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        if not _HOST.fullmatch(host):
            message = f"{host!r} is neither the name of a host in ASCII nor an address"
            raise ValueError(message) from None
        return x509.DNSName(host)


def _caller(role: Role) -> str:
    return f"spiffe://giftcard.example/{role}"


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / f"{name}.pem", folder / f"{name}.key"


def _write(folder: Path, name: str, certified: Certified) -> None:
    certificate, key = _paths(folder, name)
    whole_files.replace(key, certified.private_key, whole_files.OWNER_ALONE)
    whole_files.replace(certificate, certified.certificate, whole_files.FOR_ALL_TO_READ)


def _settings(folder: Path) -> str:
    """Return a server's settings as TOML, whose strings are written as those of JSON."""
    certificate, key = _paths(folder, SERVER_NAME)
    files = {
        "tls_certificate": certificate,
        "tls_key": key,
        "tls_client_ca": _paths(folder, AUTHORITY)[0],
    }
    return "\n".join(
        [
            "# For development: mutual TLS with the certificates of `giftcard certs`.",
            *(f"{name} = {_toml(str(path))}" for name, path in files.items()),
            "",
            "[callers]",
            *(f"{_toml(_caller(role))} = [{_toml(role)}]" for role in Role),
            "",
        ]
    )


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _next_steps(folder: Path, validity: Validity) -> str:
    """Return the commands to try next, as lines to copy."""
    certificate, key = _paths(folder, Role.CHECKOUT)
    authority, _ = _paths(folder, AUTHORITY)
    as_checkout = f"--ca {_shell(authority)} --cert {_shell(certificate)} --key {_shell(key)}"
    return "\n".join(
        [
            f"{folder}: certificates that are valid until {validity.not_after:%Y-%m-%d}. Try them:",
            f"  GIFTCARD_CONFIG={_shell(folder / SETTINGS)} giftcard serve",
            f"  giftcard validate {as_checkout} --market fr --order-id 1 --total 50",
        ]
    )


def _shell(path: Path) -> str:
    return quote(str(path))
