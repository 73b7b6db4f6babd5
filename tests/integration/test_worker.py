"""What a worker does with jobs, on each of Celery's pools."""

import json

import pytest
from celery.exceptions import TimeLimitExceeded

from jobs.errors import CanvasRefused
from jobs.ledger import State
from tests.workers import eventually, lines, running_worker, seconds


def test_a_job_runs_once_and_its_result_is_published(platform, worker):
    job = platform.submit("echo", '{"value": {"nested": [1, "two", null]}}')
    assert platform.value(job) == {"nested": [1, "two", None]}
    assert platform.attempt(job) == 1


def test_a_thousand_jobs_end_once_each(platform, worker, tmp_path):
    file = tmp_path / "witness"
    arguments = json.dumps({"file": str(file), "seconds": 0.0001})
    jobs = [platform.submit("witness", arguments) for _ in range(1000)]
    eventually(lambda: all(platform.state(job).is_final for job in jobs), 60)
    assert sorted(line.split()[0] for line in lines(file)) == sorted(jobs)
    assert platform.counts().gap == 0


def test_a_failing_job_fails_with_its_error(platform, worker):
    meta = platform.result(platform.submit("fail", '{"message": "no such thing"}'))
    assert meta["status"] == "FAILURE"
    assert meta["result"] == {
        "exc_type": "ValueError", "exc_message": ["no such thing"], "exc_module": "builtins",
    }  # fmt: skip
    assert "ValueError: no such thing" in meta["traceback"]


def test_a_task_with_attempts_left_is_tried_again(platform, worker, tmp_path):
    file = tmp_path / "attempts"
    assert platform.value(platform.submit("flaky", json.dumps({"file": str(file)}))) == 3
    assert lines(file) == ["1", "2", "3"]


def test_each_attempt_sees_a_higher_token_and_the_last_is_the_record_s(platform, worker, tmp_path):
    file = tmp_path / "tokens"
    job = platform.submit("fenced", json.dumps({"file": str(file)}))
    last = platform.value(job)
    tokens = [int(line) for line in lines(file)]
    assert tokens == sorted(set(tokens))
    assert (len(tokens), tokens[-1], platform.ledger.record(job).number("token")) == (3, last, last)


def test_an_async_task_runs(platform, worker):
    assert platform.value(platform.submit("later", '{"value": 7}')) == 7


def test_a_task_sees_its_request(platform, worker):
    job = platform.submit("whoami", "{}")
    seen = platform.value(job)
    assert (seen["id"], seen["queue"], seen["retries"], seen["called_directly"]) == (job, "celery", 0, False)


def test_retries_are_counted_and_keep_the_id(platform, worker):
    job = platform.submit("asks_again", '{"times": 2}')
    assert platform.value(job) == 2
    assert platform.attempt(job) == 3


def test_progress_can_be_read_while_a_job_runs(platform, worker, tmp_path):
    go = tmp_path / "go"
    job = platform.submit("steps", json.dumps({"total": 4, "wait_for": str(go)}))
    said = eventually(lambda: platform.ledger.record(job).fields.get("progress"))
    assert json.loads(said) == {"done": 1, "total": 4, "message": "under way"}
    go.touch()
    assert platform.value(job) is None


def test_a_large_result_is_a_reference(platform, worker):
    job = platform.submit("large", '{"size": 70000}')
    told = platform.value(job)
    assert told == {
        "stored": True, "size_bytes": 70002, "content_type": "application/json",
        "url": f"/api/jobs/{job}/result/",
    }  # fmt: skip


def test_a_result_is_as_large_as_its_bytes(platform, worker):
    told = platform.value(platform.submit("echo", json.dumps({"value": "ж" * 40_000})))
    assert (told["stored"], told["size_bytes"]) == (True, 80_002)


def test_a_soft_limit_is_raised_inside_the_task(platform, worker):
    job = platform.submit("overrun_softly", '{"seconds": 20}')
    assert platform.value(job) == "stopped softly"


def test_jobs_that_end_at_their_soft_limit_end_each_for_itself(platform, worker):
    """Thousands of them: what is raised for one hits neither the next nor the worker's own work."""
    jobs = [platform.submit("at_its_limit", f'{{"number": {number}}}') for number in range(3000)]
    told = [platform.result(job, timeout=60) for job in jobs]
    done = {number: meta["result"] for number, meta in enumerate(told) if meta["status"] == "SUCCESS"}
    assert list(done) == list(done.values())
    failed = {meta["result"]["exc_type"] for meta in told if meta["status"] == "FAILURE"}
    assert failed == {"SoftTimeLimitExceeded"}
    assert {platform.attempt(job) for job in jobs} == {1}
    assert not [line for line in worker.lines if "drain.failed" in line or "job.not_told" in line]


def test_arguments_that_do_not_fit_fail_the_job_and_not_the_worker(platform, worker):
    meta = platform.result(platform.submit("add", '{"x": 1, "y": "z"}'))
    assert (meta["status"], meta["result"]["exc_type"]) == ("FAILURE", "ArgumentsInvalid")


def test_a_delayed_job_waits(platform, worker):
    job = platform.submit("echo", '{"value": 1}', delay=seconds(1.5))
    record = platform.ledger.record(job)
    assert platform.counts().scheduled == 1
    assert platform.value(job) == 1
    ended = platform.ledger.record(job).instant("started")
    assert ended >= record.instant("due")


def test_a_job_for_a_task_that_no_worker_knows_waits(platform, worker):
    job = platform.submit("of_the_next_release", "{}")
    other = platform.submit("echo", '{"value": 2}')
    assert platform.value(other) == 2
    assert platform.state(job) is State.PENDING


# Plain Celery clients


def test_a_plain_client_sends_and_gets(platform, worker):
    assert platform.celery.send_task("add", (2, 3)).get(timeout=10) == 5
    assert platform.celery.send_task("plain_add", (2,), {"y": 4}).get(timeout=10) == 6


def test_a_plain_client_gets_the_result_of_a_job_that_it_did_not_send(platform, worker):
    job = platform.submit("echo", '{"value": "seen"}')
    assert platform.celery.AsyncResult(job).get(timeout=10) == "seen"


def test_a_failing_job_raises_in_a_plain_client(platform, worker):
    with pytest.raises(ValueError, match="as on Celery"):
        platform.celery.send_task("fail", ("as on Celery",)).get(timeout=10)


def test_a_message_keeps_its_id_and_its_countdown(platform, worker):
    sent = platform.celery.send_task("echo", (1,), task_id="not a uuid", countdown=2)
    eventually(lambda: platform.ledger.record("not a uuid"))
    assert sent.state == "PENDING"
    assert sent.get(timeout=10) == 1
    sent.forget()
    platform.ledger._redis.delete("tb:job:not a uuid")  # the next pool's worker meets this id again


def test_a_message_with_a_link_is_refused(platform, worker):
    linked = platform.celery.signature("echo", (2,))
    with pytest.raises(CanvasRefused, match="link"):
        platform.celery.send_task("echo", (1,), link=linked).get(timeout=10)


# Limits that only some pools can hold


def test_a_hard_limit_ends_the_attempt(platform, valkey_url):
    with running_worker(valkey_url, "prefork", queues="limits"):
        job = platform.submit("overrun", '{"seconds": 60}', queue="limits")
        meta = platform.result(job, timeout=10)
        assert (meta["status"], meta["result"]["exc_type"]) == ("FAILURE", TimeLimitExceeded.__name__)
        after = platform.submit("echo", '{"value": "still there"}', queue="limits")
        assert platform.value(after) == "still there"


def test_inspect_active_shows_jobs(platform, worker, tmp_path):
    if worker.pool == "solo":
        pytest.skip("a solo worker runs the job in the thread that would answer")
    go = tmp_path / "go"
    job = platform.submit("steps", json.dumps({"total": 4, "wait_for": str(go)}))
    eventually(lambda: platform.state(job) is State.STARTED)
    shown = platform.celery.control.inspect(timeout=3).active()
    assert [(found["id"], found["name"]) for found in next(iter(shown.values()))] == [(job, "steps")]
    go.touch()
    assert platform.value(job) is None
