"""What stands still for a while and goes on: Redis, and whole workers. Nothing is lost, nothing doubled."""

import os
import signal
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from jobs.errors import LedgerUnavailable
from jobs.ledger import State, Submission
from tests.client import HELLO, PROCESS, Client
from tests.servers import running_api, running_valkey
from tests.workers import Platform, eventually, lines, running_worker, started, witness

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def valkey():
    """One for each test, since these freeze it."""
    with running_valkey() as server:
        yield server


@pytest.fixture
def platform(valkey):
    client = Platform(valkey.url)
    yield client
    client.close()


def wait(until):
    eventually(lambda: time.monotonic() > until, 200)


def test_a_job_of_two_minutes_runs_once_though_redis_stands_still_for_two_leases(platform, valkey, tmp_path):
    lease: Any = {"JOBS_LEASE_SECONDS": "15", "JOBS_RENEW_EVERY_SECONDS": "4"}
    with running_worker(valkey.url, **lease) as one, running_worker(valkey.url, **lease) as other:
        began = time.monotonic()
        jobs = [witness(platform, tmp_path / f"w{number}", seconds=120) for number in range(2)]
        for number in range(2):
            started(tmp_path / f"w{number}")
        wait(began + 40)
        valkey.pause()
        wait(began + 70)
        valkey.resume()
        assert platform.value(platform.submit("echo", '{"value": 1}'), timeout=10) == 1
        assert [platform.value(job, timeout=100) for job in jobs] == [1, 1]
        assert time.monotonic() - began > 120
        assert [len(lines(tmp_path / f"w{number}")) for number in range(2)] == [1, 1]
        assert [platform.ledger.attempts(job) for job in jobs] == [[], []]
        assert "attempt.lost" not in one.log + other.log


def test_a_worker_that_stood_still_past_its_lease_is_refused_and_then_works_on(platform, valkey, tmp_path):
    lease: Any = {"JOBS_LEASE_SECONDS": "3", "JOBS_RENEW_EVERY_SECONDS": "1"}
    with running_worker(valkey.url, queues="frozen", concurrency=1, **lease) as frozen:
        job = witness(platform, tmp_path / "w", wait_for=tmp_path / "go", queue="frozen")
        started(tmp_path / "w")
        processes = [frozen.process.pid, *frozen.children()]
        with running_worker(valkey.url, queues="frozen", concurrency=1, **lease) as other:
            for pid in processes:
                os.kill(pid, signal.SIGSTOP)
            started(tmp_path / "w", attempts=2)
            (tmp_path / "go").touch()
            assert platform.value(job) == 2
            for pid in processes:
                os.kill(pid, signal.SIGCONT)
            eventually(lambda: "job.refused" in frozen.log)
            other.stop()
        assert (platform.value(job), platform.attempt(job)) == (2, 2)
        [lost] = platform.ledger.attempts(job)
        assert (lost["outcome"], lost["cause"]) == ("LOST", "its worker fell silent")
        assert platform.value(platform.submit("echo", '{"value": 1}', queue="frozen")) == 1
        counts = platform.counts("frozen")
        assert (counts.success, counts.gap) == (2, 0)


def timed(call):
    """What a call gave, and how many seconds it took."""
    began = time.monotonic()
    return call(), time.monotonic() - began


def test_while_redis_stands_still_each_of_many_submits_over_http_is_soon_refused(platform, valkey):
    with running_api(valkey.url) as url, ThreadPoolExecutor(200) as callers:
        client = Client(url)
        assert client.post(PROCESS, HELLO).status == 202
        valkey.pause()
        answer, took = timed(lambda: client.post(PROCESS, HELLO))
        answer.problem(503, "ledger-unavailable")
        assert took < 2
        asked = [callers.submit(timed, lambda: client.post(PROCESS, HELLO)) for _ in range(200)]
        told = [each.result() for each in asked]
        assert {answer.status for answer, _ in told} == {503}
        assert sorted(took for _, took in told)[197] < 2.5
        valkey.resume()

        # Each of the API's processes finds out by a submit of its own.
        def statuses() -> set[int]:
            return set(callers.map(lambda _: client.post(PROCESS, HELLO).status, range(200)))

        eventually(lambda: statuses() == {202}, 5)
        assert platform.counts().gap == 0


def test_callers_that_repeat_their_submit_with_its_idempotency_key_double_nothing(platform, valkey, tmp_path):
    """Redis stands still again and again, so that answers are lost after a submit went through."""
    wishes, accepted, over = 2_000, {}, threading.Event()

    def insist(number):
        while number not in accepted:
            job = Submission(
                id=str(uuid.uuid4()), task="echo", queue="celery", arguments=f'{{"value": {number}}}',
                idempotency_key=f"wish-{number}",
            )  # fmt: skip
            try:
                accepted[number] = platform.ledger.submit(job).id
            except LedgerUnavailable:
                wait(time.monotonic() + 0.05)

    def freeze_again_and_again():
        while not over.is_set():
            valkey.pause()
            over.wait(1.0)
            valkey.resume()
            over.wait(0.15)

    freezer = threading.Thread(target=freeze_again_and_again)
    with running_worker(valkey.url), ThreadPoolExecutor(20) as callers:
        freezer.start()
        list(callers.map(insist, range(wishes)))
        over.set()
        freezer.join()
        assert [platform.value(accepted[number]) for number in range(wishes)] == list(range(wishes))
        counts = platform.counts()
        assert (counts.accepted, counts.success, counts.gap) == (wishes, wishes, 0)
        assert {platform.state(job) for job in accepted.values()} == {State.SUCCESS}
