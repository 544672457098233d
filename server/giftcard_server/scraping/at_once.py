"""Answers scrapes whose text is kept, in the thread that accepts connections.

A hundred scrapes a second would otherwise cost a tenth of a core for threads and for headers that
nobody reads. Everything that is unusual about a request is left to the server of HTTP.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from giftcard_server.scraping.exposition import Exposition

_PATH: Final = (b"GET /metrics HTTP/1.", b"GET /metrics? HTTP/1.")
_END: Final = b"\r\n\r\n"
_REQUEST_BYTES: Final = 4096
# A fresh connection takes so much without waiting for its client.
_ANSWER_BYTES: Final = 32 * 1024


def hand_over_with_request(listening: socket.socket) -> None:
    """Have the kernel hand over connections once their request has arrived, or a second later."""
    if hasattr(socket, "TCP_DEFER_ACCEPT"):  # Linux has it.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)


def answered_at_once(connection: socket.socket, exposition: Exposition) -> bool:
    """Answer a scrape if its request is there and its text is kept; return whether it was.

    Nothing is read from the connection, which has no timeout yet, unless it is answered. It never
    waits.
    """
    try:
        request = connection.recv(_REQUEST_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        answer = _answer(request, exposition)
        if answer is None:
            return False
        connection.recv(len(request))
        connection.send(answer, socket.MSG_DONTWAIT)
    except OSError:  # Nothing has arrived yet, or the client has hung up.
        return False
    return True


def _answer(request: bytes, exposition: Exposition) -> bytes | None:
    if not (request.startswith(_PATH) and request.endswith(_END)):
        return None
    headers = _headers(request)
    text = exposition.kept(headers.get("accept", ""), headers.get("accept-encoding", ""))
    if text is None or len(text.encoded) > _ANSWER_BYTES:
        return None
    coding = f"Content-Encoding: {text.coding}\r\n" if text.coding else ""
    head = (
        f"HTTP/1.0 200 OK\r\nContent-Type: {text.content_type}\r\n{coding}"
        f"Content-Length: {len(text.encoded)}\r\n\r\n"
    )
    return head.encode("latin-1") + text.encoded


def _headers(request: bytes) -> dict[str, str]:
    """Return the headers of a request, by their names in small letters."""
    pairs = (line.partition(":") for line in request.decode("latin-1").split("\r\n")[1:])
    return {name.lower(): value.strip() for name, _, value in pairs}
