"""Workers and pool processes that are killed, stopped and held: no job is lost, none is stuck."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from jobs.ledger import State
from tests.workers import eventually, lines, running_worker, started, witness

LEASE_SECONDS = 20
"""The default of `JOBS_LEASE_SECONDS`; these tests run with it."""


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_killed_pool_process_s_job_runs_again_within_two_seconds(
    platform, valkey_url, tmp_path, concurrency
):
    queue = f"killed-{concurrency}"
    with running_worker(valkey_url, queues=queue, concurrency=concurrency) as worker:
        job = witness(platform, tmp_path / "w", wait_for=tmp_path / "go", queue=queue)
        pids: list[int] = []
        for deaths in (1, 2):
            os.kill(started(tmp_path / "w", attempts=deaths)[-1], signal.SIGKILL)
            at = time.monotonic()
            pids = started(tmp_path / "w", attempts=deaths + 1)
            assert time.monotonic() - at < 2
        (tmp_path / "go").touch()
        assert platform.value(job) == 3
        assert len(set(pids)) == 3
        assert "attempt.lost task=witness" in worker.log


def test_a_job_that_kills_its_process_ends_dead_after_three_attempts(platform, valkey_url):
    with running_worker(valkey_url, queues="deadly"):
        meta = platform.result(platform.submit("die", "{}", queue="deadly"))
        assert meta["result"]["exc_type"] == "WorkerLostError"
        assert "SIGKILL" in meta["result"]["exc_message"][0]
        assert platform.value(platform.submit("die", '{"attempts": 2}', queue="deadly")) == 3


def test_pool_processes_killed_at_random_instants_lose_and_double_no_job(platform, valkey_url, tmp_path):
    file = tmp_path / "w"
    with running_worker(valkey_url, queues="storm", JOBS_LOST_LIMIT="1000") as worker:
        jobs = [witness(platform, file, seconds=0.002, queue="storm") for _ in range(2000)]
        chance = random.Random(7)
        kills = 0
        while platform.counts("storm").success < len(jobs):
            if kills < 30 and (pids := worker.children()):
                try:
                    os.kill(chance.choice(pids), signal.SIGKILL)
                    kills += 1
                except ProcessLookupError:
                    pass
            before = platform.counts("storm").success
            some = min(before + chance.randrange(60), len(jobs))
            eventually(lambda: platform.counts("storm").success >= some, 30)  # noqa: B023
        assert kills == 30
        attempts = [platform.attempt(job) for job in jobs]
        assert {platform.state(job) for job in jobs} == {State.SUCCESS}
        assert sum(attempts) - len(jobs) <= kills
        assert len(lines(file)) <= sum(attempts)
        counts = platform.counts("storm")
        assert (counts.success, counts.gap, counts.started) == (len(jobs), 0, 0)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_killed_worker_s_job_is_with_another_within_thirty_seconds(platform, valkey_url, tmp_path):
    file = tmp_path / "w"
    with running_worker(valkey_url, queues="whole") as first:
        job = witness(platform, file, wait_for=tmp_path / "go", queue="whole")
        child = started(file)[0]
        with running_worker(valkey_url, queues="whole"):
            first.end(signal.SIGKILL)
            at = time.monotonic()
            eventually(lambda: not Path(f"/proc/{child}").exists(), 5, "the pool process to die too")
            eventually(lambda: len(lines(file)) == 2, 40, "the second attempt")
            assert time.monotonic() - at < 30
            (tmp_path / "go").touch()
            assert platform.value(job) == 2


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_pool_process_that_stands_still_for_a_minute_keeps_its_job(platform, valkey_url, tmp_path):
    file = tmp_path / "w"
    with running_worker(valkey_url, queues="still"), running_worker(valkey_url, queues="still"):
        job = witness(platform, file, wait_for=tmp_path / "go", queue="still")
        pid = started(file)[0]
        os.kill(pid, signal.SIGSTOP)
        stands_until = time.monotonic() + 60
        eventually(lambda: time.monotonic() > stands_until, 70)
        assert platform.state(job) is State.STARTED
        os.kill(pid, signal.SIGCONT)
        (tmp_path / "go").touch()
        assert platform.value(job) == 1
        assert len(lines(file)) == 1


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_redis_away_for_longer_than_a_lease_takes_no_job_away(platform, valkey, tmp_path):
    file = tmp_path / "w"
    with running_worker(valkey.url, queues="away"), running_worker(valkey.url, queues="away"):
        job = witness(platform, file, wait_for=tmp_path / "go", queue="away")
        started(file)
        valkey.pause()
        away_until = time.monotonic() + LEASE_SECONDS + 10
        eventually(lambda: time.monotonic() > away_until, LEASE_SECONDS + 20)
        valkey.resume()
        (tmp_path / "go").touch()
        assert platform.value(job) == 1
        assert len(lines(file)) == 1
        assert platform.value(platform.submit("echo", '{"value": 1}', queue="away")) == 1


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_a_terminated_worker_finishes_what_runs_and_leaves_the_rest(platform, valkey_url, tmp_path, pool):
    queue = f"term-{pool}"
    with running_worker(valkey_url, pool, queues=queue, concurrency=1) as worker:
        running = witness(platform, tmp_path / "w", wait_for=tmp_path / "go", queue=queue)
        started(tmp_path / "w")
        waiting = witness(platform, tmp_path / "other", seconds=0.01, queue=queue)
        worker.process.send_signal(signal.SIGTERM)
        eventually(lambda: "Warm shutdown" in worker.log)
        (tmp_path / "go").touch()
        assert worker.process.wait(20) == 0
    assert platform.value(running) == 1
    assert platform.state(waiting) is State.PENDING
    assert platform.ledger._redis.zcard("tb:leases") == 0
    with running_worker(valkey_url, pool, queues=queue):
        assert platform.value(waiting, timeout=5) == 1


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_a_new_job_starts_on_the_idle_worker_at_once(platform, valkey_url, tmp_path, pool):
    queue = f"idle-{pool}"
    with (
        running_worker(valkey_url, pool, queues=queue, concurrency=1),
        running_worker(valkey_url, pool, queues=queue, concurrency=1),
    ):
        busy = witness(platform, tmp_path / "busy", wait_for=tmp_path / "go", queue=queue)
        started(tmp_path / "busy")
        waits = []
        for _ in range(20):
            at = time.monotonic()
            assert platform.value(platform.submit("echo", '{"value": 1}', queue=queue), timeout=10) == 1
            waits.append(time.monotonic() - at)
        assert sorted(waits)[10] < 0.5
        assert max(waits) < 2.5
        (tmp_path / "go").touch()
        assert platform.value(busy) == 1


def test_a_worker_recycles_its_processes_by_jobs_and_loses_none(platform, valkey_url):
    with running_worker(valkey_url, queues="short", options=("--max-tasks-per-child", "50")) as worker:
        first = set(eventually(lambda: found if len(found := worker.children()) == 2 else []))
        jobs = [platform.submit("echo", '{"value": 1}', queue="short") for _ in range(400)]
        assert [platform.value(job) for job in jobs] == [1] * 400
        assert {platform.attempt(job) for job in jobs} == {1}
        eventually(lambda: not first & set(worker.children()))
