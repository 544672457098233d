"""A port that is kept for several processes of ours, and for nobody else.

Whoever binds a port with SO_REUSEPORT shares it with every process of the same user that does,
without a word. So it is seen first that nobody listens there. Then the port is held by sockets
that do not listen: nobody can connect to them, workers come and go beside them, and a server
that does not share is refused even while there is no worker.
"""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from typing import Final

# To gRPC both are every address of the machine, of either family.
EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - it is what others may have told
# A name can have addresses that this machine has not.
NOT_HERE: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})

# As the socket module has them: a host, a port, and what IPv6 has beside.
_Address = tuple[str | int | bytes, ...]


class SharedPort:
    """Holds the port of `host:port` until it is closed; port 0 takes any free one.

    Raises OSError where somebody has it.
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
        """Let go of it."""
        self._held_sockets.close()

    def _held(self, family: socket.AddressFamily, address: _Address) -> socket.socket:
        """Hold the port at one address; whatever port this is, it is the next address's too."""
        host, _, *more = address
        with _bound(family, (host, self.number, *more)) as probe:
            probe.listen()  # Only this tells a port that is held, and not listened on.
            self.number = probe.getsockname()[1]
        holding = _bound(family, (host, self.number, *more), shared=True)
        # It was needed beside what is left of former connections. From now on it would let in
        # those who do not share.
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
