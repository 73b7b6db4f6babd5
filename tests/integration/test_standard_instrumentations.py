"""OpenTelemetry's own instrumentations of Celery and Django, alone and beside the platform's traces.

A user's code turns them on; here it is a package of tasks, `instrumented`, that every process loads.
"""

import json
from typing import Any

import pytest

from tests.client import Client
from tests.collector import TRACEPARENT, running_collector, submit
from tests.servers import running_gunicorn, running_valkey
from tests.workers import ROOT, Platform, running_worker

pytestmark = pytest.mark.timeout(300)
OWN_PROVIDER = """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter("{url}/v1/traces")))
trace.set_tracer_provider(provider)
"""
INSTRUMENTED = """
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.django import DjangoInstrumentor

CeleryInstrumentor().instrument()
DjangoInstrumentor().instrument()
"""
TASKS = """
from opentelemetry import trace

from jobs import task


@task
def parent() -> str:
    with trace.get_tracer("mine").start_as_current_span("own"):
        return child.delay().id


@task
def child() -> int:
    return 1
"""


@pytest.fixture(params=["alone", "beside"])
def story(request, tmp_path):
    """The spans of a request, its job and that one's own; and whether the platform's are there too."""
    with running_valkey() as valkey, running_collector() as collector:
        package = tmp_path / "instrumented"
        package.mkdir()
        (package / "__init__.py").write_text(
            (OWN_PROVIDER.format(url=collector.url) if request.param == "alone" else "") + INSTRUMENTED
        )
        (package / "mine.py").write_text(TASKS)
        env: dict[str, Any] = {"PYTHONPATH": f"{ROOT}:{tmp_path}", "JOBS_TASK_PACKAGES": "tasks,instrumented"}
        env |= collector.env if request.param == "beside" else {}
        with running_gunicorn(valkey.url, **env) as api, running_worker(valkey.url, **env) as worker:
            platform = Platform(valkey.url)
            client = Client(f"http://127.0.0.1:{api.wait_ready()[1]}")
            job = submit(client, "parent", traceparent=TRACEPARENT)
            assert platform.value(platform.value(job)) == 1
            worker.stop()
            record = platform.ledger.record(job)
            assert record
            told = json.loads(record.fields["opts"])
            platform.close()
        yield {span.name: span for span in collector.spans}, told, request.param == "beside"


def test_they_work_and_break_nothing(story):
    spans, told, beside = story
    request, parent, own = (spans[name] for name in ("POST api/tasks/parent/", "run/parent", "own"))
    published, child = spans["apply_async/child"], spans["run/child"]
    assert (request.trace, request.parent) == tuple(TRACEPARENT.split("-")[1:3])
    assert (own.trace, own.parent) == parent.place
    assert child.trace == published.trace == own.trace
    assert parent.told["celery.state"] == "SUCCESS"
    assert ("traceparent" in told) == beside
    if not beside:
        assert published.parent == own.id
        assert child.parent == published.id
        return
    # Theirs stand among the platform's: the request's outside, a task's inside of its attempt.
    assert spans["POST /api/tasks/parent/"].parent == request.id
    assert spans["submit parent"].trace == request.trace
    assert (parent.trace, parent.parent) == spans["run parent"].place
    assert published.parent == spans["submit child"].id
    assert child.parent == spans["run child"].id
