"""Who calls, by the certificate that the call came with, and whether it may.

A caller is a name in the settings: the scope of its request ids, and the one whom wrong codes
are counted against. Each call is looked at, not each connection, so that a caller who is taken
out of the settings is refused on connections that it has open.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

import grpc
import structlog

from giftcard_server.callers.roles import Role, Roles, may_call
from giftcard_server.errors import CallerRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller who is known, and what it is to us."""

    name: str
    roles: Roles


# Whoever calls where no certificate is asked for: one caller, who may do everything.
ANYBODY: Final = Caller("plaintext", frozenset(Role))
_CURRENT: Final[ContextVar[Caller]] = ContextVar("caller")


def caller_of(_context: grpc.ServicerContext) -> str:
    """Return the name of the caller of the call that this thread answers."""
    return _CURRENT.get().name


class Callers:
    """The callers whom the settings name. `known` None: nobody is asked for a certificate."""

    def __init__(self, known: Mapping[str, Roles] | None) -> None:
        self._known = known

    def replace(self, known: Mapping[str, Roles]) -> None:
        """Know others from the next call on, where callers are asked for certificates."""
        if self._known is None or self._known == known:
            return
        changed = {name for name, _ in self._known.items() ^ known.items()}
        log.info("callers changed", callers=sorted(changed))
        self._known = known

    def admit(self, path: str, context: grpc.ServicerContext) -> None:
        """Let a call go on, or end it here: nobody has looked at what was sent by now."""
        if self._known is None:
            _CURRENT.set(ANYBODY)
            return
        try:
            caller = self.admitted(path, *_names(context))
        except CallerRefusedError as error:
            _end(context, error)
        _CURRENT.set(caller)

    def admitted(self, path: str, uris: Sequence[str], hosts: Sequence[str]) -> Caller:
        """Return the caller whose certificate has these names.

        A URI (SPIFFE) names its caller alone; hosts count where there is none. Raises
        `CallerRefusedError` where the caller may not call.
        """
        try:
            caller = self._of(uris or [host.lower() for host in hosts])
            if caller.roles.isdisjoint(may_call(path)):
                raise _without_role(path)
        except CallerRefusedError as error:
            log.warning("caller refused", path=path, why=str(error), names=[*uris, *hosts])
            raise
        return caller

    def _of(self, names: Iterable[str]) -> Caller:
        known = self._known
        assert known is not None, "who asks for certificates names callers"
        found = [name for name in names if name in known]
        if len(found) != 1:
            # Request ids belong to a caller, so a certificate must not say two.
            text = "the certificate names " + ("several callers" if found else "no known caller")
            raise CallerRefusedError(grpc.StatusCode.UNAUTHENTICATED, text)
        return Caller(found[0], known[found[0]])


def _without_role(path: str) -> CallerRefusedError:
    wanted = " or ".join(sorted(may_call(path))) or "any"
    text = f"the caller does not have the role {wanted}"
    return CallerRefusedError(grpc.StatusCode.PERMISSION_DENIED, text)


def _names(context: grpc.ServicerContext) -> list[list[str]]:
    """Return the URIs and the hosts of the certificate of a call."""
    stated: Mapping[str, Iterable[bytes]] = context.auth_context()  # type: ignore[assignment] # Its stubs mistake the lists of bytes for bytes.
    of_each_kind = (stated.get(kind, ()) for kind in ("peer_uri", "peer_dns"))
    return [[name.decode(errors="replace") for name in names] for names in of_each_kind]


def _end(context: grpc.ServicerContext, error: CallerRefusedError) -> NoReturn:
    context.abort(error.status, str(error))
    raise AssertionError  # It never returns.
