"""The spans themselves: what each is called, what it tells, what it stands below and what it links to.

Names and attributes are those of OpenTelemetry's conventions for HTTP servers and for messaging; what these
do not know starts with `taskbell.`. A span never tells arguments, results, query strings or an error's
message.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    get_current_span,
    set_span_in_context,
)  # fmt: skip

from jobs.errors import JobsError
from jobs.ledger import Claimed, Submission, ledger
from jobs.origin import KEPT_AS, request_id
from jobs.tracing.context import remote
from jobs.tracing.exporting import tracer
from jobs.tracing.off import OFF, Off

SYSTEM = "taskbell"
PROMPT_US = 10_000_000
"""A first attempt that starts so soon after its job's submit is in the same trace; collectors that keep
whole traces together wait for a trace's spans about so long."""
METHODS = {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
"""Those that the conventions know; another is the caller's to choose, and so in no name."""
_SUBMITTING = contexts.create_key("taskbell-submitting")
"""In a context: the id of the job that is being submitted there."""


class _Open:
    """A span that is the current one while its block runs. What ends the block is its error."""

    def __init__(self, span: Span, above: Context | None = None) -> None:
        self.span = span
        self._context = set_span_in_context(span, above)

    def __enter__(self) -> Self:
        self._token = contexts.attach(self._context)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.failed(error)
        contexts.detach(self._token)
        self.span.end()

    def failed(self, error: BaseException) -> None:
        """Tell the kind of an error; its message may hold arguments, and is in the log and the history."""
        kind = type(error)
        module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        named = f"{module}{kind.__qualname__}"
        self.span.set_attribute("error.type", named)
        self.span.set_status(StatusCode.ERROR)


class Serving(_Open):
    """A request to the API."""

    def __init__(self, method: str, headers: Mapping[str, str], path: str) -> None:
        self._method = method if method in METHODS else "HTTP"
        told: dict[str, str | int] = {
            "http.request.method": method if method in METHODS else "_OTHER", "url.path": path,
            "url.scheme": "http", f"taskbell.{KEPT_AS}": request_id.get(),
        }  # fmt: skip
        host, _, port = headers.get("Host", "").rpartition(":")
        if host and port.isdecimal():
            told |= {"server.address": host, "server.port": int(port)}
        elif given := headers.get("Host"):
            told["server.address"] = given
        if agent := headers.get("User-Agent"):
            told["user_agent.original"] = agent
        # Where an instrumentation of Django is at work too, its span is there already.
        is_within = get_current_span().get_span_context().is_valid
        above = contexts.get_current() if is_within else _below(remote(headers))
        span = tracer().start_span(self._method, context=above, kind=SpanKind.SERVER, attributes=told)
        super().__init__(span, above)

    def answered(self, route: str | None, status: int) -> None:
        """Its route, which names it, and its status: an error only where the server is to blame."""
        if route is not None:
            self.span.update_name(f"{self._method} {route}")
            self.span.set_attribute("http.route", route)
        self.span.set_attribute("http.response.status_code", status)
        if status >= 500:
            self.span.set_attribute("error.type", str(status))
            self.span.set_status(StatusCode.ERROR)


class Submitting(_Open):
    """A submit: the job that is made within it carries its context."""

    def __init__(self, task: str, job_id: str) -> None:
        told = {"messaging.system": SYSTEM, "messaging.operation.name": "submit",
                "messaging.operation.type": "send", "taskbell.task": task}  # fmt: skip
        span = tracer().start_span(f"submit {task}", kind=SpanKind.PRODUCER, attributes=told)
        super().__init__(span, contexts.set_value(_SUBMITTING, job_id))

    def tells(self, job: Submission) -> None:
        self.span.set_attribute("messaging.destination.name", job.queue)
        self.span.set_attribute("messaging.message.id", job.id)
        if job.delay or job.due:
            self.span.set_attributes({"taskbell.delayed": True})

    def accepted(self, job_id: str, *, new: bool = True) -> None:
        self.span.set_attribute("messaging.message.id", job_id)
        self.span.set_attribute("taskbell.new", new)


class Attempting(_Open):
    """An attempt, from its claim to its outcome."""

    def __init__(self, job: Claimed, worker: str) -> None:
        submitted = remote(_told(job))
        is_prompt = _is_prompt(job)
        above = _below(submitted if is_prompt else None)
        links = [Link(submitted)] if submitted.is_valid and not is_prompt else []
        span = tracer().start_span(
            f"run {job.task}", context=above, kind=SpanKind.CONSUMER, links=links,
            attributes={
                "messaging.system": SYSTEM, "messaging.operation.name": "run",
                "messaging.operation.type": "process", "messaging.destination.name": job.queue,
                "messaging.message.id": job.id, "messaging.client.id": worker, "taskbell.task": job.task,
                "taskbell.attempt": job.attempt, "taskbell.retries": job.retries,
                "taskbell.wait_seconds": max(0, job.claimed_us - job.ready_us) / 1e6,
            },
        )  # fmt: skip
        super().__init__(span, above)
        if job.attempt > job.retries + 1 and span.is_recording():
            _tell_lost(span, job)

    def ended(self, outcome: str, error: BaseException | None) -> None:
        self.span.set_attribute("taskbell.outcome", outcome)
        if error is not None:
            self.failed(error)


def serving(method: str, headers: Mapping[str, str], path: str) -> Serving:
    return Serving(method, headers, path)


def submitting(task: str, job_id: str) -> Submitting | Off:
    # What was kept at a call is submitted at the commit, within the same span.
    if job_id and contexts.get_value(_SUBMITTING) == job_id:
        return OFF
    return Submitting(task, job_id)


def attempting(job: Claimed, worker: str) -> Attempting:
    return Attempting(job, worker)


def _below(parent: SpanContext | None) -> Context:
    """Where a span stands that has this parent, or none."""
    if parent is None or not parent.is_valid:
        return Context()
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _told(job: Claimed) -> Mapping[str, Any]:
    """What its submit told of its span; of a message of Celery's, what its publisher put into its headers."""
    options = json.loads(job.options)
    if "traceparent" in options:
        return dict(options)
    headers = options.get("headers")
    return headers if isinstance(headers, dict) else {}


def _is_prompt(job: Claimed) -> bool:
    """Whether this is the job's first start, soon after its submit and with nothing in between."""
    direct = job.attempt == 1 and job.ready_us == job.created_us
    return direct and job.claimed_us - job.created_us <= PROMPT_US


def _tell_lost(span: Span, job: Claimed) -> None:
    """The attempt before this one, where its process died: it could not tell of itself."""
    with suppress(JobsError):
        before = ledger().attempts(job.id)[-1:]
        for each in before:
            if each["outcome"] == "LOST":
                told = {"taskbell.attempt": each["attempt"], "taskbell.cause": each.get("cause") or "",
                        "messaging.client.id": each.get("worker") or ""}  # fmt: skip
                span.add_event("attempt.lost", told, timestamp=int(each["ended_us"]) * 1000)
