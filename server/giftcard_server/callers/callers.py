"""The caller of each RPC, identified by its certificate, and whether it may call that RPC.

A caller is a name in the settings: request ids are unique for each caller, and wrong codes are
counted for each caller. Every call is checked, not every connection, so that a caller who is
removed from the settings is refused on connections that are already open.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

import grpc
import structlog

from giftcard_server.callers.roles import AUTHORIZE, Role, Roles, may_call
from giftcard_server.callers.settings import PLAINTEXT
from giftcard_server.errors import CallerRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from giftcard_server.callers.settings import KnownCaller

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller that the settings name, its roles, and the names that it formerly had.

    Request ids are unique among all of its names. What it does now is recorded under `name`.
    `codes`: whether its answers have the codes of new cards.
    """

    name: str
    roles: Roles
    formerly: tuple[str, ...] = ()
    codes: bool = True

    def require_may_name_authorizes(self) -> None:
        """Raise `CallerRefusedError` unless it may call Authorize, whose request ids are its own.

        Another caller has no such request: it could only learn of others, or prevent them.
        """
        self.require_may_call(AUTHORIZE)

    def require_may_call(self, path: str) -> None:
        """Raise `CallerRefusedError` unless it may call this RPC, too."""
        if self.roles.isdisjoint(may_call(path)):
            refused = _without_role(path)
            log.warning("caller refused", path=path, why=str(refused), names=[self.name])
            raise refused


# Without mutual TLS all calls come from this one caller, which has every role.
ANYBODY: Final = Caller(PLAINTEXT, frozenset(Role))
_CURRENT: Final[ContextVar[Caller]] = ContextVar("caller")


def caller_of(_context: grpc.ServicerContext) -> Caller:
    """Return the caller of the call that this thread answers."""
    return _CURRENT.get()


class Callers:
    """The callers that the settings name. `known` is None without mutual TLS."""

    def __init__(self, known: Mapping[str, KnownCaller] | None) -> None:
        self._known = known

    def replace(self, known: Mapping[str, KnownCaller]) -> None:
        """Know these callers instead, from the next call on; without mutual TLS, do nothing."""
        if self._known is None or self._known == known:
            return
        before = self._known
        names = before.keys() | known.keys()
        changed = {name for name in names if before.get(name) != known.get(name)}
        log.info("callers changed", callers=sorted(changed))
        self._known = known

    def admit(self, path: str, context: grpc.ServicerContext) -> Caller:
        """Admit a call, or abort it before anything of its request is read."""
        if self._known is None:
            _CURRENT.set(ANYBODY)
            return ANYBODY
        try:
            caller = self.admitted(path, *_names(context))
        except CallerRefusedError as error:
            _end(context, error)
        _CURRENT.set(caller)
        return caller

    def admission(self, path: str) -> Callable[[], bool]:
        """Return how to find out whether the caller of this thread's call may still call a path.

        A stream outlives the moment at which its caller was admitted.
        """
        name = _CURRENT.get().name

        def holds() -> bool:
            if self._known is None:
                return True
            caller = self._known.get(name)
            return caller is not None and not caller.roles.isdisjoint(may_call(path))

        return holds

    def admitted(self, path: str, uris: Sequence[str], hosts: Sequence[str]) -> Caller:
        """Return the caller whose certificate has these names.

        Hosts count only in a certificate without a URI (SPIFFE). Raises `CallerRefusedError`
        where the caller is unknown or lacks the role.
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
        assert known is not None, "with mutual TLS the settings name callers"
        found = [name for name in names if name in known]
        if len(found) != 1:
            # Request ids belong to one caller, so a certificate must not name two.
            text = "the certificate names " + ("several callers" if found else "no known caller")
            raise CallerRefusedError(grpc.StatusCode.UNAUTHENTICATED, text)
        caller = known[found[0]]
        return Caller(found[0], caller.roles, caller.formerly, caller.codes)


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
