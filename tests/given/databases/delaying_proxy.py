"""Stands between a client and PostgreSQL, and delays its answers, as a slow database would.

with DelayingProxy(postgresql.port) as proxy:
    connection = connect(proxy.through(url))
    proxy.seconds = 0.1
"""

import socket
import time
from select import select

from given.databases.cutting_proxy import CHUNK_BYTES, CuttingProxy


class DelayingProxy(CuttingProxy):
    """Forwards the connections to its port; every answer comes `seconds` late, by default 0."""

    seconds = 0.0

    def _forward_some(self, client: socket.socket, server: socket.socket) -> bool:
        """Forward what has come, and return whether to go on."""
        ready, _, _ = select([client, server], [], [])
        source, target = (client, server) if client in ready else (server, client)
        data = source.recv(CHUNK_BYTES)
        if source is server:
            time.sleep(self.seconds)
        target.sendall(data)
        return bool(data)
