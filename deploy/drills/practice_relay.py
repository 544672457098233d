"""A mail relay of a practice installation, which takes messages or refuses them as it is told."""

import re
import socketserver
import threading
from contextlib import ExitStack

MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)


class Relay:
    """Listens on loopback until the drill ends; `taken` are the ids of messages that it took."""

    def __init__(self, opened: ExitStack, port: int = 0) -> None:
        """Start it on a port, by default any."""
        self.refuses_recipients = False
        self.taken: list[str] = []
        relay = self

        class Session(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                """Speak as much of SMTP as a sender needs."""
                self._reply("220 practice")
                while line := self.rfile.readline():
                    word = line[:4].upper().strip()
                    if word == b"QUIT":
                        self._reply("221 bye")
                        return
                    if word == b"DATA":
                        self._take()
                    elif word == b"RCPT" and relay.refuses_recipients:
                        self._reply("550 5.1.1 no such mailbox")
                    else:
                        self._reply("250 ok")

            def _take(self) -> None:
                self._reply("354 go on")
                message = b""
                while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                    message += line
                found = MESSAGE_ID.search(message)
                relay.taken.append(found[1].decode() if found else "")
                self._reply("250 taken")

            def _reply(self, line: str) -> None:
                self.wfile.write(f"{line}\r\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", port), Session)
        self._server.daemon_threads = True
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        opened.callback(self._server.server_close)
        opened.callback(self._server.shutdown)
