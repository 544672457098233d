"""Who may reach a server, what they may then do, and which settings are not meant to stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from giftcard_server.doctor.findings import ok, warn
from giftcard_server.edge.grpc_server import CONFIDANTS
from giftcard_server.settings import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from giftcard_server.doctor.findings import Finding
    from giftcard_server.settings import Settings

EXPOSURE: Final = "exposure"
PASSING: Final = "passing"
# Settings that are right for a while, or for tests, and what they do meanwhile.
_PASSING: Final = {
    "sandbox": "the clock can be moved, and codes go wrong on purpose: for tests alone",
    "new_database": "an empty database is taken beside an old ring, also where it is a wrong mount",
    "core_dumps": "core dumps and debuggers can read the ring, codes and people",
}


def exposure(settings: Settings) -> Iterator[Finding]:
    """Say what everybody who reaches the ports may do, and what is therefore not served."""
    found = [*_of_grpc(settings), *_of_http(settings)]
    yield from found or [ok(EXPOSURE, "this machine alone, or callers with certificates, may call")]


def _of_grpc(settings: Settings) -> Iterator[Finding]:
    if not settings.serves_confidants:
        services = ", ".join(name.rpartition(".")[2] for name in CONFIDANTS)
        yield warn(
            EXPOSURE,
            f"beyond this machine and without certificates of callers, {services} are not served"
            " (UNIMPLEMENTED), and everybody who reaches grpc_listen may call all else",
            "set tls_client_ca and callers; `giftcard certs` makes an example of them",
        )
    if settings.tls_certificate is None and not is_loopback(settings.grpc_listen):
        to_do = "set tls_certificate and tls_key"
        yield warn(EXPOSURE, "the network may read codes: grpc_listen has no TLS", to_do)


def _of_http(settings: Settings) -> Iterator[Finding]:
    if not (settings.http_tls or is_loopback(settings.http_listen)):
        to_do = "set http_tls, or let nobody but Prometheus reach the port"
        yield warn(EXPOSURE, "everybody who reaches http_listen may read the metrics", to_do)


def passing(settings: Settings) -> Iterator[Finding]:
    """Name the settings that should not stay as they are."""
    for name, meanwhile in _PASSING.items():
        if getattr(settings, name):
            yield warn(PASSING, f"{name} is on: {meanwhile}", "switch it off once it has served")
