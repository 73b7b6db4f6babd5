"""A collector of spans: it takes OTLP over HTTP as a real one does, and keeps what it was sent."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1 import trace_pb2

from tests.client import Client
from tests.workers import eventually

CALLER = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
TRACEPARENT = f"00-{'-'.join(CALLER)}-01"
"""What a request says that comes from a span of its caller."""

KINDS = {
    trace_pb2.Span.SPAN_KIND_SERVER: "server", trace_pb2.Span.SPAN_KIND_PRODUCER: "producer",
    trace_pb2.Span.SPAN_KIND_CONSUMER: "consumer", trace_pb2.Span.SPAN_KIND_INTERNAL: "internal",
    trace_pb2.Span.SPAN_KIND_CLIENT: "client",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Span:
    """A span as it came over the wire; ids in hexadecimal, as the logs have them."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    began: int
    links: tuple[tuple[str, str], ...]
    """Of each the trace and the span."""
    told: dict[str, Any]
    events: dict[str, dict[str, Any]]
    is_error: bool
    resource: dict[str, Any]
    scope: str

    @property
    def place(self) -> tuple[str, str]:
        """What a link to it names."""
        return self.trace, self.id


@dataclass(kw_only=True)
class Collector:
    """What one address was sent."""

    url: str
    spans: list[Span] = field(default_factory=list)

    def named(self, name: str, count: int = 1, **told: Any) -> list[Span]:
        """The spans of this name that tell this, in the order in which they began, once so many are there."""

        def look() -> list[Span]:
            named = [span for span in list(self.spans) if span.name == name]
            found = [span for span in named if told.items() <= span.told.items()]
            return sorted(found, key=lambda span: span.began) if len(found) >= count else []

        return eventually(look, what=f"{count} spans named {name}")

    @property
    def env(self) -> dict[str, Any]:
        """What a process is told, so that it sends its spans here, and soon."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}


def submit(
    client: Client, task: str, arguments: dict[str, str] | None = None, query: str = "", **headers: str
) -> str:
    """Submit a job over HTTP; gives its id."""
    body = json.dumps(arguments or {}).encode()
    headers = {"Content-Type": "application/json"} | headers
    answer = client.send("POST", f"/api/tasks/{task}/{query}", body, headers)
    assert answer.status == 202, answer.body
    return str(answer.json()["task_id"])


def of_job(spans: list[Span], job_id: str) -> list[Span]:
    return [span for span in spans if span.told.get("messaging.message.id") == job_id]


@contextmanager
def running_collector() -> Iterator[Collector]:
    """A collector on a free port."""
    found: list[Span] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fits = (self.path, self.headers["Content-Type"]) == ("/v1/traces", "application/x-protobuf")
            if fits:
                packed = self.headers.get("Content-Encoding") == "gzip"
                found.extend(_decoded(gzip.decompress(body) if packed else body))
            self.send_response(200 if fits else 400)
            self.send_header("Content-Type", "application/x-protobuf")
            self.end_headers()
            self.wfile.write(ExportTraceServiceResponse().SerializeToString())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Collector(url=f"http://127.0.0.1:{server.server_port}", spans=found)
        finally:
            server.shutdown()


def _decoded(body: bytes) -> Iterator[Span]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    name=span.name, kind=KINDS[span.kind], trace=span.trace_id.hex(), id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(), began=span.start_time_unix_nano,
                    told=_told(span.attributes),
                    links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                    events={event.name: _told(event.attributes) for event in span.events},
                    is_error=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
                    resource=_told(resource.resource.attributes), scope=scope.scope.name,
                )  # fmt: skip


def _told(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
