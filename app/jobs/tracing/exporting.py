"""How spans leave the process: the SDK's own batches over OTLP, from a thread of their own.

OpenTelemetry's environment variables say where to, how often and which; the SDK reads them. A collector that
is away costs its spans and nothing else: a request or a job never waits, the end of a process for a second.
"""

import atexit
import threading
from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, Tracer, TraceState
from opentelemetry.util.types import Attributes

from jobs.version import VERSION

LAST_MILLISECONDS = 1000
SCOPE = "taskbell"
_making = threading.Lock()
_tracer: Tracer | None = None
_batches: "_Batches | None" = None


def tracer() -> Tracer:
    """What makes the platform's spans. Made at the first call, as it starts a thread: after a fork."""
    global _tracer  # noqa: PLW0603 - one for a process
    if _tracer is None:
        with _making:
            if _tracer is None:
                if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
                    _provide()
                # Else the user's own code, or `opentelemetry-instrument`, has said where spans go.
                _tracer = trace.get_tracer(SCOPE, VERSION)
    return _tracer


def preload() -> None:
    """Import what a first exporter would import, once for all that is forked from here."""
    OTLPSpanExporter()  # it connects to nothing before it sends


def finish() -> None:
    """Send what is left; a second call does nothing."""
    if _batches is not None:
        _batches.shutdown()


class _Batches(BatchSpanProcessor):
    """The SDK's, whose end is bounded: its own waits for 30 s, and for a collector that hangs longer."""

    def shutdown(self) -> None:
        self._batch_processor.shutdown(timeout_millis=LAST_MILLISECONDS)


class Following(Sampler):
    """A trace that begins with a link follows the decision of the one that it links to.

    So a job is sampled whole, its retries too, or not at all.
    """

    def __init__(self, inner: Sampler) -> None:
        self._inner = inner

    def should_sample(  # noqa: PLR0913, PLR0917 - the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if links and kind is SpanKind.CONSUMER:
            parent = trace.get_current_span(parent_context).get_span_context()
            if not parent.is_valid:
                sampled = links[0].context.trace_flags.sampled
                decision = Decision.RECORD_AND_SAMPLE if sampled else Decision.DROP
                return SamplingResult(decision, attributes if sampled else None)
        return self._inner.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return f"Following{{{self._inner.get_description()}}}"


def following(sampler: Sampler) -> Sampler:
    """The sampler that also follows links, where it is one that follows parents."""
    return Following(sampler) if isinstance(sampler, ParentBased) else sampler


def _provide() -> None:
    global _batches  # noqa: PLW0603 - one for a process
    provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
    provider.sampler = following(provider.sampler)
    _batches = _Batches(OTLPSpanExporter())
    provider.add_span_processor(_batches)
    trace.set_tracer_provider(provider)
    atexit.register(finish)


def _resource() -> Resource:
    found = Resource.create()
    own = {SERVICE_VERSION: VERSION}
    if str(found.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        own[SERVICE_NAME] = SCOPE
    return Resource(own).merge(found) if SERVICE_NAME not in own else found.merge(Resource(own))
