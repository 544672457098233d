"""Stands between a client and PostgreSQL, and cuts their connection at the worst moment.

    with CuttingProxy(postgresql.port) as proxy:
        connection = connect(proxy.through(url))
        proxy.cut_at = Cut.AFTER_COMMIT

It forwards bytes on loopback as they come, and only looks for a COMMIT and its answer.
"""

import re
import socket
from contextlib import suppress
from enum import Enum, auto
from select import select
from threading import Thread
from typing import Self

# The end of the client's statement, and of the server's answer to it.
COMMIT = b"COMMIT\0"
CHUNK_BYTES = 65_536


class Cut(Enum):
    """When to cut a connection."""

    BEFORE_COMMIT = auto()  # The server never receives it.
    AFTER_COMMIT = auto()  # The server has committed, and its answer is lost.


class CuttingProxy:
    """Forwards the connections to its port; cuts one of them at `cut_at`, once.

    With `is_silent_after_commit` it forwards the next COMMIT, and from then on nothing more of
    that connection, which stays open.
    """

    def __init__(self, port: int) -> None:
        """Prepare to forward to a port of this host."""
        self.cut_at: Cut | None = None
        self.is_silent_after_commit = False
        self._server = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._accepting = Thread(target=self._accept, daemon=True)
        self._forwarding: list[Thread] = []
        self._open: list[socket.socket] = []

    def through(self, url: str) -> str:
        """Return the URL of the same database through this proxy."""
        return re.sub(r":\d+/", f":{self.port}/", url)

    def __enter__(self) -> Self:
        """Start."""
        self._accepting.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Cut every connection that is left."""
        with self._listening:
            _shut_down(self._listening)
            self._accepting.join()
        for each in self._open:
            _shut_down(each)
        for thread in self._forwarding:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):  # Raised when it is shut down.
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._server)
                self._open += [client, server]
                thread = Thread(target=self._forward, args=(client, server), daemon=True)
                self._forwarding.append(thread)
                thread.start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with client, server, suppress(OSError):
            while self._forward_some(client, server):
                pass

    def _forward_some(self, client: socket.socket, server: socket.socket) -> bool:
        """Forward what has come, and return whether to go on."""
        ready, _, _ = select([client, server], [], [])
        source, target = (client, server) if client in ready else (server, client)
        data = source.recv(CHUNK_BYTES)
        if source is client and COMMIT in data and self.cut_at is not None:
            if self.cut_at is Cut.AFTER_COMMIT:
                server.sendall(data)
                while COMMIT not in server.recv(CHUNK_BYTES):
                    pass
            self.cut_at = None
            return False
        target.sendall(data)
        if source is client and COMMIT in data and self.is_silent_after_commit:
            self.is_silent_after_commit = False
            while client.recv(CHUNK_BYTES):  # Until the client gives up.
                pass
            return False
        return bool(data)


def _shut_down(connected: socket.socket) -> None:
    with suppress(OSError):  # It may be closed already.
        connected.shutdown(socket.SHUT_RDWR)
