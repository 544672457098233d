"""A port that several workers of one supervisor share, and no other process.

Every process of the same user that binds a port with SO_REUSEPORT shares it silently. So a probe
first checks that no process listens there. Then sockets that are bound but never listen hold the
port: no client can connect to them, workers may start and end beside them, and a server that does
not share the port is refused even while there is no worker.
"""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from typing import Final

# gRPC takes both as every address of the machine, of IPv4 and of IPv6.
EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with a setting
# A name may resolve to addresses that this machine does not have.
NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})

# An address of the socket module: host, port, and for IPv6 flow info and scope.
_Address = tuple[str | int | bytes, ...]


class SharedPort:
    """Holds the port of `host:port` until it is closed; with port 0, any free port.

    Raises OSError where another process has it.
    """

    def __init__(self, listen: str) -> None:
        host, _, port = listen.rpartition(":")
        self.number = int(port)
        not_here: list[OSError] = []
        addresses = _addresses(host.strip("[]"))
        with ExitStack() as held:
            for family, address in addresses:
                try:
                    held.enter_context(self._held(family, address))
                except OSError as error:
                    if error.errno not in NOT_HERE:
                        raise
                    not_here.append(error)
            if len(not_here) == len(addresses):
                raise not_here[0]
            self._held_sockets = held.pop_all()

    def close(self) -> None:
        """Release the port."""
        self._held_sockets.close()

    def _held(self, family: socket.AddressFamily, address: _Address) -> socket.socket:
        """Hold the port at one address; a port chosen here is the port of the next address too."""
        host, _, *more = address
        with _bound(family, (host, self.number, *more)) as probe:
            probe.listen()  # Only this fails where a process holds the port without listening.
            self.number = probe.getsockname()[1]
        holding = _bound(family, (host, self.number, *more), shared=True)
        # SO_REUSEADDR was needed for connections in TIME_WAIT. From now on it would admit
        # processes that do not share the port.
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        return holding


def _addresses(host: str) -> list[tuple[socket.AddressFamily, _Address]]:
    if host in EVERYWHERE and socket.has_dualstack_ipv6():
        return [(socket.AF_INET6, ("::", 0))]
    found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return [(family, address) for family, _, _, _, address in found]


def _bound(
    family: socket.AddressFamily, address: _Address, *, shared: bool = False
) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family is socket.AF_INET6:
            alone = address[0] not in EVERYWHERE
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, alone)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound
