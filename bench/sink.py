"""A collector that keeps what it is sent and looks at it only at its end: then it prints the number of spans.

It prints its port first. `costs.py` runs it as a process of its own, so that it takes no time from others.
"""

import signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_kept: list[bytes] = []


class Sink(BaseHTTPRequestHandler):
    """Takes any body."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        _kept.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
        pass


def _spans(body: bytes) -> int:
    found = ExportTraceServiceRequest.FromString(body)
    return sum(len(scope.spans) for resource in found.resource_spans for scope in resource.scope_spans)


def _end(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGTERM, _end)
    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        print(server.server_port, flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print(sum(map(_spans, _kept)), flush=True)


if __name__ == "__main__":
    main()
