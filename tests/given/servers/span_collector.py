"""A collector of OpenTelemetry, which keeps the spans that servers send to it over HTTP.

It shows a trace as Tempo and Jaeger do: `GET /api/traces/TRACE_ID`, as JSON on one line.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class SpanCollector:
    """What arrived, as the bytes of OTLP."""

    def __init__(self, port: int) -> None:
        self.arrived: list[bytes] = []
        self.url = f"http://127.0.0.1:{port}"
        # Spans leave several times a second, where the default is every five.
        self.environment = {
            "GIFTCARD_TRACES": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }

    def trace(self, trace_id: str) -> list[dict[str, Any]]:
        """Return the spans of a trace, by its id in hex."""
        return [
            MessageToDict(span)
            for body in tuple(self.arrived)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
            if span.trace_id == bytes.fromhex(trace_id)
        ]

    def has_span_of(self, request_id: str) -> bool:
        """Return whether a span has arrived that tells of a request."""
        return any(request_id.encode() in body for body in tuple(self.arrived))


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

        def do_GET(self) -> None:
            """Show a trace."""
            shown = json.dumps(collector.trace(self.path.rpartition("/")[2])).encode() + b"\n"
            self.send_response(200)
            self.send_header("Content-Length", str(len(shown)))
            self.end_headers()
            self.wfile.write(shown)

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
