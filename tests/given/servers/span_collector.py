"""A collector of OpenTelemetry, which keeps the spans that servers send to it over HTTP."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class SpanCollector:
    """What arrived, as the bytes of OTLP."""

    def __init__(self, port: int) -> None:
        self.arrived: list[bytes] = []
        # Spans leave several times a second, where the default is every five.
        self.environment = {
            "GIFTCARD_TRACES": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }


@contextmanager
def span_collector() -> Iterator[SpanCollector]:
    """Run a collector on a port of its own."""
    collector: SpanCollector

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Keep what is sent."""
            collector.arrived.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = SpanCollector(server.server_port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
