"""Cancelling jobs that wait and jobs that run, on real workers; by the ledger and by Celery's `revoke`."""

import json
import os
import signal
import time
from typing import Any

import pytest

from jobs.ledger import State
from tests.workers import POOLS, Worker, eventually, running_worker

WITHIN_SECONDS = 2.0
"""How soon a cancelled job that minds is over."""


def submit(platform, task, file, queue, **more):
    return platform.submit(task, json.dumps({"file": str(file), **more}), queue=queue)


def started(file):
    eventually(lambda: file.exists() and file.read_text(), what="the job to start")


def test_a_cancelled_waiting_job_never_runs(platform, valkey_url, tmp_path):
    cancelled = submit(platform, "sleeper", tmp_path / "w", "waiting", seconds=0)
    later = platform.submit("echo", '{"value": 1}', queue="waiting")
    assert platform.ledger.cancel([cancelled]) == ["revoked"]
    with running_worker(valkey_url, queues="waiting"):
        assert platform.value(later) == 1
    assert platform.state(cancelled) is State.REVOKED
    assert not (tmp_path / "w").exists()
    assert platform.celery.AsyncResult(cancelled).state == "REVOKED"


@pytest.mark.parametrize("pool", POOLS)
def test_a_running_job_that_looks_tidies_up_and_ends_revoked(platform, valkey_url, tmp_path, pool):
    queue, file = f"looks-{pool}", tmp_path / "w"
    with running_worker(valkey_url, pool, queues=queue, JOBS_CANCEL_GRACE_SECONDS="30"):
        job = submit(platform, "cooperative", file, queue)
        started(file)
        at = time.monotonic()
        assert platform.ledger.cancel([job]) == ["asked"]
        assert platform.result(job)["result"]["exc_message"] == ["cancelled"]
        assert time.monotonic() - at < WITHIN_SECONDS
        assert (platform.state(job), file.read_text()) == (State.REVOKED, "tidied")
        assert platform.value(platform.submit("echo", '{"value": 1}', queue=queue)) == 1
    assert platform.ledger.cancels() == {}


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_running_job_that_does_not_look_is_interrupted(platform, valkey_url, tmp_path, pool):
    queue, file = f"interrupted-{pool}", tmp_path / "w"
    with running_worker(valkey_url, pool, queues=queue, JOBS_CANCEL_GRACE_SECONDS="0.5"):
        job = submit(platform, "sleeper", file, queue)
        started(file)
        at = time.monotonic()
        platform.ledger.cancel([job])
        platform.result(job)
        assert time.monotonic() - at < WITHIN_SECONDS
        assert (platform.state(job), file.read_text()) == (State.REVOKED, "started")
        [attempt] = platform.ledger.attempts(job)
        assert (attempt["attempt"], attempt["outcome"], attempt["cause"]) == (1, "REVOKED", "cancelled")


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_running_job_that_bears_it_all_is_ended_by_force(platform, valkey_url, tmp_path, pool):
    queue, file = f"forced-{pool}", tmp_path / "w"
    with running_worker(valkey_url, pool, queues=queue, JOBS_CANCEL_GRACE_SECONDS="0.5") as worker:
        job = submit(platform, "stubborn", file, queue)
        started(file)
        at = time.monotonic()
        platform.ledger.cancel([job])
        platform.result(job)
        assert time.monotonic() - at < WITHIN_SECONDS + 1
        assert (platform.state(job), file.read_text()) == (State.REVOKED, "swallowed")
        assert platform.value(platform.submit("echo", '{"value": 1}', queue=queue)) == 1
        assert platform.attempt(job) == 1
        if pool == "threads":
            worker.process.kill()  # its thread would keep it from ending


def test_a_job_that_ends_before_it_hears_of_its_cancel_is_a_success(platform, valkey_url, tmp_path):
    with running_worker(valkey_url, queues="too-late", JOBS_CANCEL_GRACE_SECONDS="30"):
        job = submit(platform, "sleeper", tmp_path / "w", "too-late", seconds=1.5)
        started(tmp_path / "w")
        platform.ledger.cancel([job])
        assert platform.value(job) == "all of it"
    assert platform.ledger.cancels() == {}


def test_a_cancelled_job_whose_process_dies_is_not_run_again(platform, valkey_url, tmp_path):
    with running_worker(valkey_url, queues="dies", JOBS_CANCEL_GRACE_SECONDS="30") as worker:
        job = submit(platform, "sleeper", tmp_path / "w", "dies")
        started(tmp_path / "w")
        platform.ledger.cancel([job], reason="not wanted")
        kill_pool(worker)
        assert platform.result(job)["result"]["exc_message"] == ["not wanted"]
        [attempt] = platform.ledger.attempts(job)
        assert attempt["outcome"] == "LOST"
        assert "SIGKILL" in attempt["cause"]


def kill_pool(worker: Worker) -> None:
    for pid in worker.children():
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("terminate", [False, True])
def test_celerys_revoke_does_the_same(platform, valkey_url, tmp_path, terminate):
    queue, file = f"revoke-{terminate}".lower(), tmp_path / "w"
    with running_worker(valkey_url, queues=queue, concurrency=1):
        running = submit(platform, "sleeper", file, queue, seconds=1.5 if not terminate else 60)
        started(file)
        waiting = platform.submit("echo", '{"value": 1}', queue=queue)
        for job in (running, waiting):
            platform.celery.control.revoke(job, terminate=terminate)
        platform.result(waiting)
        platform.result(running)
        assert platform.state(waiting) is State.REVOKED
        assert platform.state(running) is (State.REVOKED if terminate else State.SUCCESS)
        message = platform.celery.AsyncResult(waiting).info.args
        assert message == ("terminated" if terminate else "revoked",)


def test_a_job_that_was_revoked_as_it_ran_is_not_tried_again(platform, valkey_url, tmp_path):
    file, go = tmp_path / "w", tmp_path / "go"
    with running_worker(valkey_url, queues="late"):
        job = submit(platform, "fails_late", file, "late", wait_for=str(go))
        started(file)
        assert platform.ledger.cancel([job], running=False, reason="revoked") == ["running"]
        assert platform.ledger.cancels() == {}
        go.touch()
        assert platform.result(job)["result"]["exc_message"] == ["revoked"]
    assert (platform.state(job), file.read_text()) == (State.REVOKED, "started\n")
    [attempt] = platform.ledger.attempts(job)
    assert attempt["outcome"] == "RETRY"


@pytest.mark.parametrize("pool", ["prefork", "threads"])
@pytest.mark.parametrize("by", ["cancel", "limit"])
def test_nothing_of_an_interrupted_coroutine_goes_on_in_the_next_job(
    platform, valkey_url, tmp_path, pool, by
):
    queue, file, next_file = f"coroutine-{pool}-{by}", tmp_path / "w", tmp_path / "next"
    limit = {"soft_time_limit": 0.5} if by == "limit" else {}
    with running_worker(valkey_url, pool, 1, queue, JOBS_CANCEL_GRACE_SECONDS="0.3"):
        job = platform.celery.send_task(
            "waits_and_writes", kwargs={"file": str(file), "seconds": 2}, queue=queue, **limit
        ).id
        started(file)
        if by == "cancel":
            platform.ledger.cancel([job])
        assert platform.result(job)["status"] == ("REVOKED" if by == "cancel" else "FAILURE")
        after = submit(platform, "waits_and_writes", next_file, queue, seconds=3)
        assert platform.value(after) == 3
    assert (next_file.read_text(), file.read_text()) == ("ended", "started")
    assert (tmp_path / "w-tidied").exists()
    assert not (tmp_path / "w-aside").exists()


def test_a_cancel_never_hits_the_next_job(platform, valkey_url):
    """Each job is cancelled about when it ends; every other job must come to its own end."""
    with running_worker(valkey_url, queues="next", JOBS_CANCEL_GRACE_SECONDS="0"):
        jobs = [platform.submit("brief", '{"seconds": 0.02}', queue="next") for _ in range(300)]
        victims = jobs[::2]
        for number, job in enumerate(victims):
            eventually(lambda: platform.state(job) is not State.PENDING, what=f"job {number}")  # noqa: B023
            platform.ledger.cancel([job])
        for job in jobs[1::2]:
            assert platform.value(job, timeout=30) == 0.02
        for job in victims:
            platform.result(job)
        assert {platform.state(job) for job in victims} <= {State.SUCCESS, State.REVOKED}
        counts = platform.counts("next")
        assert (counts.gap, counts.started, counts.success + counts.revoked) == (0, 0, 300)


def test_progress_and_log_can_be_read_while_the_job_runs(platform, valkey_url, tmp_path):
    with running_worker(valkey_url, queues="talks", JOBS_LOG_LINES="2"):
        job = submit(platform, "talkative", tmp_path / "go", "talks")
        lines: Any = eventually(lambda: found if len(found := platform.ledger.log(job)) == 2 else None)
        assert [line["message"][:11] for line in lines] == ["first line", "second line"]
        assert len(lines[1]["message"]) == 2000
        assert lines[0]["at_us"] < lines[1]["at_us"]
        record = platform.ledger.record(job)
        assert json.loads(record.fields["progress"]) == {"done": 1, "total": 3, "message": "begun"}
        (tmp_path / "go").touch()
        assert platform.value(job) == "done"
        assert len(platform.ledger.log(job)) == 2
