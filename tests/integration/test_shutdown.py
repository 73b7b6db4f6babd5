"""How a worker stops: drained or bounded, warm or cold, by real signals. No job is lost, none is blamed."""

import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from jobs.ledger import State
from tests.workers import POOLS, Platform, Worker, eventually, lines, running_worker, started, witness

SLACK_SECONDS = 10.0
"""Within what a worker surely exits once its bound has passed: two, and more on a machine that is busy with
other tests. The jobs that it hands back would run for a minute."""


def ends_within(worker: Worker, seconds: float) -> int:
    """The worker's exit code, once it has ended; every process of its pool has, too."""
    pool = worker.children()
    until = time.monotonic() + seconds + SLACK_SECONDS
    eventually(lambda: worker.process.poll() is not None, 30, "the worker to end")
    assert time.monotonic() < until
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pool), 5, "its pool to end")
    return worker.process.wait()


def is_as_new(platform: Platform, job: str) -> bool:
    """Whether a job that was handed back shows no trace of the attempt."""
    record = platform.ledger.record(job)
    assert record is not None
    return (record.state, record.number("attempt"), record.number("lost")) == (State.PENDING, 0, 0)


@contextmanager
def a_running_job(platform, url, tmp_path, pool="prefork", queue="celery", **env):
    """A worker at work on a job that ends when the file `go` appears."""
    options = env.pop("options", ())
    with running_worker(url, pool, queues=queue, concurrency=1, options=options, **env) as worker:
        job = witness(platform, tmp_path / "w", wait_for=tmp_path / "go", queue=queue)
        started(tmp_path / "w")
        yield worker, job


def runs_at_once_elsewhere(platform, url, tmp_path, job, queue, pool="prefork"):
    """Another worker takes the job right away, as its first attempt."""
    with running_worker(url, pool, queues=queue):
        started(tmp_path / "w", attempts=2)
        (tmp_path / "go").touch()
        assert platform.value(job) == 1
    counts = platform.counts(queue)
    assert (counts.success, counts.started, counts.gap) == (1, 0, 0)


@pytest.mark.parametrize("pool", POOLS)
def test_a_bounded_worker_hands_back_what_runs_past_its_bound(platform, valkey_url, tmp_path, pool):
    queue = f"bound-{pool}"
    with a_running_job(platform, valkey_url, tmp_path, pool, queue, JOBS_SHUTDOWN_SECONDS="1") as (
        worker,
        job,
    ):
        waiting = witness(platform, tmp_path / "other", seconds=0.01, queue=queue)
        told = time.monotonic()
        worker.process.send_signal(signal.SIGTERM)
        eventually(lambda: platform.state(job) is State.PENDING)
        assert time.monotonic() - told > 1
        assert ends_within(worker, 0) == 0
    assert "attempt.handed_back task=witness" in worker.log
    assert "attempt.lost" not in worker.log
    assert is_as_new(platform, job)
    assert is_as_new(platform, waiting)
    assert not lines(tmp_path / "other")
    assert platform.ledger._redis.zcard("tb:leases") == 0
    with running_worker(valkey_url, pool, queues=queue):
        started(tmp_path / "w", attempts=2)
        (tmp_path / "go").touch()
        assert [platform.value(job), platform.value(waiting)] == [1, 1]


@pytest.mark.parametrize("pool", ["threads", "solo"])
def test_what_an_attempt_that_was_handed_back_says_counts_for_nothing(platform, valkey_url, tmp_path, pool):
    queue = f"late-{pool}"
    with a_running_job(platform, valkey_url, tmp_path, pool, queue, JOBS_SHUTDOWN_SECONDS="0") as (
        worker,
        job,
    ):
        worker.process.send_signal(signal.SIGTERM)
        eventually(lambda: "attempt.handed_back" in worker.log)
        (tmp_path / "go").touch()  # it may just get to its end before the process does
        assert ends_within(worker, 0) == 0
    assert is_as_new(platform, job)
    runs_at_once_elsewhere(platform, valkey_url, tmp_path, job, queue)


def test_a_job_goes_from_a_bounded_worker_to_another_at_once(platform, valkey_url, tmp_path):
    with (
        a_running_job(platform, valkey_url, tmp_path, queue="over", JOBS_SHUTDOWN_SECONDS="0.5") as (
            one,
            job,
        ),
        running_worker(valkey_url, queues="over"),
    ):
        one.process.send_signal(signal.SIGTERM)
        eventually(lambda: "attempt.handed_back" in one.log)
        told = time.monotonic()
        started(tmp_path / "w", attempts=2)
        assert time.monotonic() - told < 5  # a lease is 20 s
        (tmp_path / "go").touch()
        assert platform.value(job) == 1


@pytest.mark.parametrize("pool", POOLS)
def test_a_bounded_worker_ends_as_soon_as_all_has(platform, valkey_url, tmp_path, pool):
    queue = f"early-{pool}"
    with a_running_job(platform, valkey_url, tmp_path, pool, queue, JOBS_SHUTDOWN_SECONDS="60") as (
        worker,
        job,
    ):
        worker.process.send_signal(signal.SIGTERM)
        eventually(lambda: "worker.stopping attempts=1 seconds_left=" in worker.log)
        (tmp_path / "go").touch()
        assert worker.process.wait(15) == 0
    assert platform.value(job) == 1
    assert "handed_back" not in worker.log


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize(
    "signals", [["SIGQUIT"], ["SIGTERM", "SIGTERM"], ["SIGTERM", "SIGQUIT"]], ids="-".join
)
def test_a_worker_that_is_told_harder_hands_back_at_once(platform, valkey_url, tmp_path, pool, signals):
    queue = f"hard-{pool}-{'-'.join(signals)}"
    with a_running_job(platform, valkey_url, tmp_path, pool, queue) as (worker, job):
        for each in signals:
            worker.process.send_signal(getattr(signal, each))
            eventually(lambda: "worker.stopping" in worker.log)
        assert ends_within(worker, 0) == 0
    assert is_as_new(platform, job)
    runs_at_once_elsewhere(platform, valkey_url, tmp_path, job, queue)


def test_the_second_ctrl_c_hands_back_at_once(platform, valkey_url, tmp_path):
    with a_running_job(platform, valkey_url, tmp_path, queue="int") as (worker, job):
        worker.process.send_signal(signal.SIGINT)
        eventually(lambda: "worker.stopping attempts=1 seconds_left=none" in worker.log)
        assert platform.state(job) is State.STARTED
        worker.process.send_signal(signal.SIGINT)
        ends_within(worker, 0)  # 1, or 0 where Celery had not begun to stop warmly
    assert is_as_new(platform, job)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("how", ["SIGTERM", "SIGQUIT"])
def test_celery_s_soft_shutdown_is_a_bound(platform, valkey_url, tmp_path, pool, how):
    queue = f"soft-{pool}-{how}"
    soft = ("--", "worker.soft_shutdown_timeout=1")
    with a_running_job(platform, valkey_url, tmp_path, pool, queue, options=soft) as (worker, job):
        told = time.monotonic()
        worker.process.send_signal(getattr(signal, how))
        eventually(lambda: platform.state(job) is State.PENDING)
        assert 1 < time.monotonic() - told < 1 + SLACK_SECONDS
        assert ends_within(worker, 0) == 0
    assert is_as_new(platform, job)


@pytest.mark.parametrize("pool", POOLS)
def test_a_soft_shutdown_lets_a_job_end_and_then_waits_no_longer(platform, valkey_url, tmp_path, pool):
    queue = f"softly-{pool}"
    soft = ("--", "worker.soft_shutdown_timeout=60")
    with a_running_job(platform, valkey_url, tmp_path, pool, queue, options=soft) as (worker, job):
        worker.process.send_signal(signal.SIGQUIT)
        eventually(lambda: "worker.stopping" in worker.log)
        (tmp_path / "go").touch()
        assert worker.process.wait(15) == 0
    assert platform.value(job) == 1


def test_sigterm_remapped_to_sigquit_is_a_cold_shutdown(platform, valkey_url, tmp_path):
    env = {"REMAP_SIGTERM": "SIGQUIT"}
    with a_running_job(platform, valkey_url, tmp_path, queue="remap", **env) as (worker, job):
        worker.process.send_signal(signal.SIGTERM)
        assert ends_within(worker, 0) == 0
    assert is_as_new(platform, job)


def test_sigterm_remapped_to_sigquit_begins_with_the_soft_shutdown(platform, valkey_url, tmp_path):
    soft = ("--", "worker.soft_shutdown_timeout=60")
    env = {"REMAP_SIGTERM": "SIGQUIT", "options": soft}
    with a_running_job(platform, valkey_url, tmp_path, queue="resoft", **env) as (worker, job):
        worker.process.send_signal(signal.SIGTERM)
        eventually(lambda: "worker.stopping attempts=1" in worker.log)
        assert platform.state(job) is State.STARTED
        worker.process.send_signal(signal.SIGTERM)
        assert ends_within(worker, 0) == 0
    assert is_as_new(platform, job)


def test_a_signal_to_all_processes_of_a_worker_blames_no_job(platform, valkey_url, tmp_path):
    with a_running_job(platform, valkey_url, tmp_path, queue="group", JOBS_LOST_LIMIT="1") as (worker, job):
        child = started(tmp_path / "w")[0]
        for pid in (worker.process.pid, child):  # as systemd stops a unit
            os.kill(pid, signal.SIGTERM)
        assert worker.process.wait(15) == 0
    record = platform.ledger.record(job)
    assert (record.state, record.number("lost")) == (State.PENDING, 0)


def test_remote_control_stops_a_worker_within_its_bound(platform, valkey_url, tmp_path):
    with a_running_job(platform, valkey_url, tmp_path, queue="remote", JOBS_SHUTDOWN_SECONDS="1") as (
        worker,
        job,
    ):
        platform.celery.control.shutdown()
        eventually(lambda: platform.state(job) is State.PENDING)
        ends_within(worker, 0)
    assert is_as_new(platform, job)


@pytest.mark.parametrize("pool", POOLS)
def test_a_bounded_worker_kills_nothing_before_redis_has_taken_the_job_back(platform, valkey, tmp_path, pool):
    queue = f"fence-{pool}"
    with a_running_job(platform, valkey.url, tmp_path, pool, queue, JOBS_SHUTDOWN_SECONDS="0.5") as (
        worker,
        job,
    ):
        pid = started(tmp_path / "w")[0]
        valkey.pause()
        worker.process.send_signal(signal.SIGTERM)
        eventually(lambda: "keeper.no_ledger" in worker.log)
        until = time.monotonic() + 3
        eventually(lambda: time.monotonic() > until)
        assert Path(f"/proc/{pid}").exists()
        assert worker.process.poll() is None
        valkey.resume()
        ends_within(worker, 1)
    assert is_as_new(platform, job)
    runs_at_once_elsewhere(platform, valkey.url, tmp_path, job, queue)


@pytest.mark.parametrize("pool", POOLS)
def test_jobs_that_end_right_at_the_bound_end_once(platform, valkey_url, tmp_path, pool):
    queue, file = f"edge-{pool}", tmp_path / "w"
    with running_worker(valkey_url, pool, queues=queue, concurrency=4, JOBS_SHUTDOWN_SECONDS="1") as worker:
        jobs = [witness(platform, file, seconds=0.9 + 0.02 * n, queue=queue) for n in range(12)]
        started(file, attempts=1 if pool == "solo" else 4)
        worker.process.send_signal(signal.SIGTERM)
        assert ends_within(worker, 1) == 0
    states = [platform.state(job) for job in jobs]
    assert set(states) <= {State.SUCCESS, State.PENDING}
    with running_worker(valkey_url, queues=queue, concurrency=4):
        assert [platform.value(job) for job in jobs] == [1] * len(jobs)
    counts = platform.counts(queue)
    assert (counts.success, counts.gap) == (len(jobs), 0)
    assert [platform.ledger.record(job).number("lost") for job in jobs] == [0] * len(jobs)


@pytest.mark.slow
@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_that_has_nothing_left_to_do_ends_though_redis_answers_nothing(valkey, valkey_url, pool):
    """Celery's own end waits for Redis's answer."""
    with running_worker(valkey_url, pool, queues="celery") as worker:
        valkey.pause()
        try:
            worker.process.send_signal(signal.SIGTERM)
            ends_within(worker, 15)
        finally:
            valkey.resume()
        assert "worker.left" in worker.log


@pytest.mark.slow
@pytest.mark.parametrize("pool", POOLS)
def test_a_drain_waits_for_redis_where_the_outcome_of_a_job_that_ran_is_not_recorded(
    platform, valkey, valkey_url, tmp_path, pool
):
    queue, file = f"unrecorded-{pool}", tmp_path / "w"
    with running_worker(valkey_url, pool, queues=queue) as worker:
        job = witness(platform, file, seconds=1, queue=queue)
        started(file)
        valkey.pause()
        try:
            worker.process.send_signal(signal.SIGTERM)
            until = time.monotonic() + 14
            eventually(lambda: time.monotonic() > until)
            assert worker.process.poll() is None, worker.log
        finally:
            valkey.resume()
        ends_within(worker, 15)
    assert (platform.value(job), len(lines(file))) == (1, 1)
    assert platform.ledger.attempts(job) == []
