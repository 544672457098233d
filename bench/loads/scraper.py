"""Scrapes metrics so many times a second until it is stopped, in a process of its own.

    python -m loads.scraper HOST:PORT PER_SECOND

It asks as Prometheus does, compressed, with a connection for each scrape. It prints the number of
answers so far once a second, and ends with an error where a scrape is refused.
"""

from __future__ import annotations

import socket
import sys
import time
from typing import Final

REQUEST: Final = (
    "GET /metrics HTTP/1.1\r\nHost: {target}\r\nUser-Agent: Prometheus/2.42.0\r\n"
    "Accept: text/plain;version=0.0.4;q=1,*/*;q=0.1\r\nAccept-Encoding: gzip\r\n\r\n"
)
READ_BYTES: Final = 1 << 18


def main(target: str, per_second: float) -> None:
    """Scrape on a schedule; what is late is made up for."""
    host, _, port = target.rpartition(":")
    request = REQUEST.format(target=target).encode("ascii")
    due, answered = time.monotonic(), 0
    while True:
        # By hand, as the library of HTTP would take more of the machine than the server does.
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(request)
            answer = connection.recv(READ_BYTES)
            while connection.recv(READ_BYTES):
                pass
        if b" 200 " not in answer.partition(b"\r\n")[0]:
            sys.exit("a scrape was refused")
        answered += 1
        if answered % int(per_second) == 0:
            print(answered, flush=True)
        due = max(due + 1 / per_second, time.monotonic() - 1)
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
