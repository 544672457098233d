"""The target of a client: which service, and whether the connection is encrypted."""

import re
from dataclasses import dataclass

import grpc

from giftcard_client.errors import Misconfigured

DEFAULT_PORT = 50051
HIGHEST_PORT = 65535
# The ways in which gRPC names a place, whose rest is not checked here.
SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):/")
NAMED_BY_HOST = {"", "dns"}
OF_OTHER_PROTOCOLS = {"http", "https", "grpc", "grpcs", "h2", "h2c", "tcp", "tls"}
ANOTHER_SCHEME_OF_GRPC = re.compile(r"(unix|unix-abstract|ipv4|ipv6|vsock|xds|passthrough):")


@dataclass(frozen=True, slots=True)
class Peer:
    """The service that a client calls, as the words about a failure need it."""

    target: str
    is_encrypted: bool


def peer_of(target: str, credentials: grpc.ChannelCredentials | None) -> Peer:
    """Return the peer, whose target is one that gRPC can connect to.

    Raises Misconfigured for a target that would never work, and TypeError for a wrong type.
    """
    if not isinstance(target, str):
        message = f"target must be str, not {type(target).__name__}"
        raise TypeError(message)
    if credentials is not None and not isinstance(credentials, grpc.ChannelCredentials):
        kind = type(credentials).__name__
        message = f"credentials must be grpc.ChannelCredentials or None, not {kind}"
        raise TypeError(message)
    mistake = _mistake(target)
    if mistake:
        raise Misconfigured(mistake)
    return Peer(target, credentials is not None)


def _mistake(target: str) -> str:
    """Say what is wrong with a target; nothing, where it can work."""
    found = SCHEME.match(target)
    scheme = found["scheme"].lower() if found else ""
    if scheme in OF_OTHER_PROTOCOLS:
        rest = target.partition(":")[2].strip("/") or f"127.0.0.1:{DEFAULT_PORT}"
        return f"the target {target} begins with {scheme}://: write host:port alone, as {rest}"
    if scheme not in NAMED_BY_HOST or ANOTHER_SCHEME_OF_GRPC.match(target):
        return ""
    return _mistake_of_address(target, target.rpartition("/")[2] if scheme else target)


def _mistake_of_address(target: str, address: str) -> str:
    host, colon, port = address.rpartition(":")
    if not address:
        return f"the target is empty: write host:port, as 127.0.0.1:{DEFAULT_PORT}"
    if not colon or address.endswith("]"):
        return f"the target {target} has no port: write host:port, as {target}:{DEFAULT_PORT}"
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= HIGHEST_PORT):
        return f"the port of the target {target} is no number from 1 to {HIGHEST_PORT}: correct it"
    if not host:
        return f"the target {target} has no host: write host:port, as 127.0.0.1{target}"
    return ""
