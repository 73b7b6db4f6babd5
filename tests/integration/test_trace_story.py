"""One job's whole story, read from the spans that a real OTLP receiver got, and from the logs by its id."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.client import Client
from tests.collector import CALLER, TRACEPARENT, Span, running_collector, submit
from tests.servers import running_gunicorn, running_valkey
from tests.workers import PROBES, Platform, eventually, running_worker

pytestmark = pytest.mark.timeout(300)  # three processes start, one after the other
LOGS: dict[str, Any] = {"LOG_FORMAT": "json"}


@pytest.fixture(scope="module")
def collector():
    with running_collector() as collector:
        yield collector


def lines(running, job):
    """The lines of a job, as objects."""
    found = [json.loads(line) for line in list(running.lines) if line.startswith("{")]
    return [line for line in found if line.get("job") == job]


@dataclass(frozen=True, kw_only=True)
class Story:
    """HTTP request, wait, an attempt that fails, another on another worker, and the job that it submits."""

    job: str
    request: Span
    submitted: Span
    one: Span
    two: Span
    of_api: list[dict[str, Any]]
    of_first: list[dict[str, Any]]
    of_second: list[dict[str, Any]]
    """Lines of the logs that name the job."""


@pytest.fixture(scope="module")
def story(collector, tmp_path_factory):
    stop = tmp_path_factory.mktemp("story") / "stop"
    with running_valkey() as valkey, running_gunicorn(valkey.url, **PROBES, **LOGS, **collector.env) as api:
        yield told(valkey.url, api, collector, stop)


def told(redis_url, api, collector, stop):
    client, platform = Client(f"http://127.0.0.1:{api.wait_ready()[1]}"), Platform(redis_url)
    with running_worker(redis_url, **LOGS, **collector.env) as first:
        headers = {"traceparent": TRACEPARENT, "tracestate": "vendor=1", "X-Request-ID": "story"}
        job = submit(client, "traced_twice", {"stop": str(stop)}, **headers)
        eventually(stop.exists, what="the first attempt")
        first.stop()
    with running_worker(redis_url, **LOGS, **collector.env) as second:
        platform.value(platform.value(job))
        second.stop()
    platform.close()
    [request] = collector.named("POST /api/tasks/traced_twice/", **{"taskbell.request_id": "story"})
    [submitted] = collector.named("submit traced_twice", **{"messaging.message.id": job})
    one, two = collector.named("run traced_twice", 2, **{"messaging.message.id": job})
    return Story(
        job=job, request=request, submitted=submitted, one=one, two=two,
        of_api=lines(api, job), of_first=lines(first, job), of_second=lines(second, job),
    )  # fmt: skip


def test_a_request_goes_on_with_its_caller_s_trace_down_to_the_first_attempt(story):
    request, submitted, one = story.request, story.submitted, story.one
    assert (request.trace, request.parent, request.kind) == (*CALLER, "server")
    assert request.told["http.response.status_code"] == 202
    assert request.told["http.route"] == "/api/tasks/traced_twice/"
    assert (submitted.trace, submitted.parent, submitted.kind) == (*request.place, "producer")
    assert submitted.told["messaging.destination.name"] == "celery"
    assert (one.trace, one.parent, one.links, one.kind) == (*submitted.place, (), "consumer")
    assert {each.resource["service.name"] for each in (request, submitted, one)} == {"taskbell"}


def test_the_next_attempt_begins_a_trace_that_links_to_the_submit(story):
    one, two = story.one, story.two
    assert (two.parent, two.links) == ("", (story.submitted.place,))
    assert two.trace != one.trace
    assert [each.told["taskbell.attempt"] for each in (one, two)] == [1, 2]
    assert one.told["messaging.client.id"] != two.told["messaging.client.id"]
    assert 0 <= one.told["taskbell.wait_seconds"] < 10
    assert two.told["taskbell.wait_seconds"] > 0


def test_an_attempt_s_span_tells_its_outcome_and_its_error_s_type_but_not_its_message(story):
    one, two = story.one, story.two
    assert [each.told["taskbell.outcome"] for each in (one, two)] == ["RETRY", "SUCCESS"]
    assert [each.is_error for each in (one, two)] == [True, False]
    assert one.told["error.type"] == "ValueError"
    assert "secret" not in repr(story.one)


def test_what_a_task_does_with_opentelemetry_and_what_it_submits_is_below_its_attempt(story, collector):
    [own] = collector.named("own")
    assert (own.trace, own.parent) == story.two.place
    [of_child] = [span for span in collector.named("submit traced_child") if span.parent == own.id]
    child = of_child.told["messaging.message.id"]
    [ran] = collector.named("run traced_child", **{"messaging.message.id": child})
    assert (ran.trace, ran.parent) == of_child.place


def test_the_lines_of_a_job_in_all_logs_tell_the_traces(story):
    [accepted] = story.of_api
    assert (accepted["event"], accepted["trace_id"]) == ("job.accepted", story.request.trace)
    assert {(line["trace_id"], line["span_id"]) for line in story.of_first} == {story.one.place}
    assert {line["trace_id"] for line in story.of_second} == {story.two.trace}
    assert [line.get("event") or line["message"] for line in story.of_second] == ["attempt 2", "job.success"]
