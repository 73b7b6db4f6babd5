"""The current span's context: as a job carries it, as a line of the log tells it, for what goes on later."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

W3C = TraceContextTextMapPropagator()
"""Not what OTEL_PROPAGATORS names: baggage may hold anything, and would lie in Redis."""
NAMES = ("traceparent", "tracestate")
STATE_LENGTH = 512
"""Characters of a `tracestate` that W3C asks everyone to pass on; a longer one is left out."""


def carried() -> dict[str, str]:
    """The current span as it goes with a job: `traceparent`, and `tracestate` if it has one."""
    told: dict[str, str] = {}
    W3C.inject(told)
    if len(told.get("tracestate", "")) > STATE_LENGTH:
        del told["tracestate"]
    return told


def remote(told: Mapping[str, Any]) -> SpanContext:
    """The span that these headers tell of; an invalid one where they tell of none."""
    texts = {name: value for name in NAMES if isinstance(value := told.get(name), str)}
    return trace.get_current_span(W3C.extract(texts, context=Context())).get_span_context()


def about() -> dict[str, str]:
    """What every line of the log in a span says."""
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return {}
    return {"trace_id": trace.format_trace_id(span.trace_id), "span_id": trace.format_span_id(span.span_id)}


def here() -> Context:
    return context.get_current()


@contextmanager
def within(there: Context) -> Iterator[None]:
    token = context.attach(there)
    try:
        yield
    finally:
        context.detach(token)
