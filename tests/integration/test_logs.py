"""The log of real processes: every line is JSON, and a job's story is read from all of them by one name."""

import json
from typing import Any

import pytest

from tests.client import Client
from tests.servers import running_gunicorn, running_valkey
from tests.workers import PROBES, eventually, running_worker

JSON: dict[str, Any] = {"LOG_FORMAT": "json", "JOBS_LEASE_SECONDS": "3", "JOBS_RENEW_EVERY_SECONDS": "0.5"}


def objects(running):
    """The lines of a process as objects. What Celery says to root before there is a log is left out."""
    lines = list(running.lines)
    start = next(number for number, line in enumerate(lines) if line.startswith("{"))
    assert start == 0 or (
        "SecurityWarning" in lines[0] and "_warn_or_raise" in lines[start - 1] and start < 10
    )
    return [json.loads(line) for line in lines[start:]]


@pytest.fixture(scope="module")
def valkey_url():
    with running_valkey() as valkey:
        yield valkey.url


@pytest.fixture(scope="module")
def gunicorn(valkey_url):
    with running_gunicorn(valkey_url, **PROBES, **JSON) as gunicorn:
        yield gunicorn


@pytest.fixture(scope="module")
def client(gunicorn):
    return Client(f"http://127.0.0.1:{gunicorn.wait_ready()[1]}")


def submit(client, task, name):
    headers = {"X-Request-ID": name, "Content-Type": "application/json"}
    answer = client.send("POST", f"/api/tasks/{task}/", b"{}", headers)
    assert (answer.status, answer.headers["X-Request-ID"]) == (202, name)
    return answer.json()["task_id"]


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_every_line_of_a_worker_is_json_and_those_of_a_job_tell_which_it_is(
    client, valkey_url, platform, pool
):
    with running_worker(valkey_url, pool=pool, **JSON) as worker:
        job = submit(client, "talks", f"request-{pool}")
        assert platform.value(job) == 1
        eventually(lambda: "job.success" in worker.log)
        worker.stop()
    lines = objects(worker)
    assert all(line.keys() >= {"time", "level", "logger"} for line in lines)
    assert all(("event" in line) != ("message" in line) for line in lines)
    told = [line for line in lines if line.get("job") == job]
    assert [(line["logger"], line.get("message") or line["event"]) for line in told] == [
        ("tasks.talks", "own 1"), ("tasks.talks", "from a thread"), ("a.library", "a library's"),
        ("celery.redirected", "printed"), ("jobs.worker", "job.success"),
    ]  # fmt: skip
    whose = {(line["task"], line["attempt"], line["request_id"]) for line in told}
    assert whose == {("talks", 1, f"request-{pool}")}


def test_the_death_of_a_pool_process_is_json_too(client, valkey_url, platform):
    with running_worker(valkey_url, **JSON) as worker:
        job = platform.submit("die", '{"attempts":1}')
        assert platform.value(job) == 2
        worker.stop()
    lines = objects(worker)
    [lost] = [line for line in lines if line.get("event") == "attempt.lost"]
    assert (lost["task"], lost["job"]) == ("die", job)
    assert [line for line in lines if line["logger"].startswith("multiprocessing")]


def test_a_job_without_a_request_does_not_get_that_of_the_job_before_it(client, valkey_url, platform):
    with running_worker(valkey_url, concurrency=1, **JSON) as worker:
        platform.value(submit(client, "talks", "before"))
        job = platform.submit("talks", "{}")
        platform.value(job)
        worker.stop()
    lines = [line for line in objects(worker) if line.get("job") == job]
    assert len(lines) == 5
    assert not [line for line in lines if "request_id" in line]


def test_a_line_of_an_answer_s_failure_tells_the_request():
    with running_valkey() as valkey, running_gunicorn(valkey.url, **JSON) as gunicorn:
        client = Client(f"http://127.0.0.1:{gunicorn.wait_ready()[1]}")
        valkey.kill()
        assert client.get("/api/tasks/status/x/", **{"X-Request-ID": "fails"}).status == 503
    lines = [line for line in objects(gunicorn) if line["logger"] == "django.request"]
    assert lines
    assert {line["request_id"] for line in lines} == {"fails"}


def test_a_job_s_whole_story_is_read_by_the_name_of_its_request(client, gunicorn, valkey_url, platform):
    with running_worker(valkey_url, **JSON) as first:
        job = submit(client, "talks_on_two_workers", "story")
        eventually(lambda: first.process.poll() is not None, what="the first worker to be killed")
        with running_worker(valkey_url, **JSON) as second:
            child = platform.value(job)
            assert platform.value(child) == 1
            eventually(lambda: second.log.count("job.success") == 2)
    of_api, of_first, of_second = (
        [line for line in objects(running) if line.get("request_id") == "story"]
        for running in (gunicorn, first, second)
    )
    assert [(line["event"], line["job"], line["new"]) for line in of_api] == [("job.accepted", job, True)]
    assert [(line["message"], line["attempt"]) for line in of_first] == [("attempt 1", 1)]
    story = [(line["job"], line["attempt"], line.get("event") or line["message"]) for line in of_second]
    assert [told for told in story if told[0] == job] == [(job, 2, "attempt 2"), (job, 2, "job.success")]
    assert (child, 1, "job.success") in story


def test_text_tells_a_job_s_lines_too(client, valkey_url, platform):
    with running_worker(valkey_url) as worker:
        job = submit(client, "talks", "in-text")
        assert platform.value(job) == 1
        eventually(lambda: "job.success" in worker.log)
    told = f"task=talks job={job} attempt=1"
    for said in ("own 1", "from a thread", "a library's", "printed"):
        assert (
            f"{said} {told} request_id=in-text\n" in worker.log
            or f"{said} request_id=in-text {told}\n" in worker.log
        )
    assert f"job.success {told} seconds=" in worker.log


def test_the_api_s_lines_are_json_to_its_end(valkey_url):
    with running_gunicorn(valkey_url, **JSON) as gunicorn:
        client = Client(f"http://127.0.0.1:{gunicorn.wait_ready()[1]}")
        answer = client.get("/api/nothing/")
        assert (answer.status, len(answer.headers["X-Request-ID"])) == (404, 32)
    assert "Shutting down: Master" in [line.get("message") for line in objects(gunicorn)]
