"""Settings of callers: the server's certificate, the callers' authorities, and their roles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from giftcard_server.callers.roles import MAKE_CARDS, Roles

# The name of callers without certificates.
PLAINTEXT: Final = "plaintext"


def _caller_name(name: str) -> str:
    # Certificates may have hosts in any case, which means nothing; in URIs it does.
    return name if "://" in name else name.lower()


CallerName = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_caller_name)]


class KnownCaller(BaseModel):
    """A caller's roles, and the names that it had: requests under these are its own.

    `codes` false keeps the codes of new cards out of its answers: people get them by e-mail.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    roles: Roles
    """What the caller may call, see [Callers](operator.md#callers)."""
    formerly: tuple[CallerName, ...] = ()
    """The names that the caller had before: requests of that time are still its own. Set it where a
    caller gets another name, and leave it."""
    codes: bool = True
    """Whether its answers have the codes of new cards. `false` for callers whose cards are mailed,
    so that they never see a code."""


def _with_roles_alone(value: object) -> object:
    return {"roles": value} if isinstance(value, list | tuple | set | frozenset) else value


class CallerSettings(BaseModel):
    """With `tls_client_ca`, callers need a certificate (mutual TLS)."""

    model_config = ConfigDict(frozen=True)

    tls_certificate: Path | None = None
    """PEM file with the certificate of the server, and those between it and its authority. It may
    be replaced while servers run."""
    tls_key: Path | None = None
    """PEM file with the key of the certificate. Both or none."""
    tls_client_ca: Path | None = None
    """PEM file with the authorities of callers. With it, every caller needs a certificate of one of
    them, and has the roles that `callers` says. Set it wherever others than this machine can reach
    the port."""
    callers: dict[CallerName, Annotated[KnownCaller, BeforeValidator(_with_roles_alone)]] = {}
    """The callers by the names in their certificates: a list of roles, or a table, see below. It is
    read again every two seconds."""

    def caller_mistakes(self) -> Iterator[str]:
        """Yield a sentence for each combination that cannot work."""
        if (self.tls_certificate is None) != (self.tls_key is None):
            yield "tls_certificate and tls_key belong together"
        if self.tls_client_ca is not None and self.tls_certificate is None:
            yield "tls_client_ca needs tls_certificate and tls_key"
        if self.tls_client_ca is not None and not self.callers:
            yield "callers: tls_client_ca admits only callers that are named here, and none is"
        if self.tls_client_ca is None and self.callers:
            yield "callers: needs tls_client_ca, without which no certificate is requested"
        yield from self._name_mistakes()

    def withholding_mistakes(self, unmailed: Sequence[str]) -> Iterator[str]:
        """Yield the callers without codes that make cards whose codes then nobody would have.

        `unmailed` are the markets whose cards are not mailed by us.
        """
        for name, caller in self.callers.items():
            if not caller.codes and unmailed and not caller.roles.isdisjoint(MAKE_CARDS):
                yield (
                    f"callers: {name} gets no codes (codes = false), and the cards of"
                    f" {', '.join(unmailed)} are not mailed, so that nobody would have their codes"
                )

    def _name_mistakes(self) -> Iterator[str]:
        """Yield what would make a record belong to two callers."""
        successors: dict[str, str] = {}
        for name, caller in self.callers.items():
            for former in caller.formerly:
                if former == PLAINTEXT:  # Everybody without a certificate had this one name.
                    continue
                if former in self.callers:
                    yield f"callers: {name} was formerly {former}, which is a caller still"
                elif (other := successors.setdefault(former, name)) != name:
                    yield f"callers: {other} and {name} were both formerly {former}"
