"""What breaks a slice off costs the queue no time: the job goes back at once, and not for ever."""

import time

import pytest

from tests.workers import POOLS, running_worker


@pytest.mark.parametrize("pool", POOLS)
def test_a_job_that_no_worker_can_read_ends_dead_at_once(platform, valkey_url, pool):
    queue = f"unreadable-{pool}"
    with running_worker(valkey_url, pool, queues=queue, concurrency=1) as worker:
        told = time.monotonic()
        job = platform.submit("echo", '{"value": 1}', queue=queue, options="{a damaged record")
        meta = platform.result(job)
        assert time.monotonic() - told < 10  # a lease is 20 s
        assert (meta["status"], meta["result"]["exc_type"]) == ("FAILURE", "WorkerLostError")
        assert "JSONDecodeError" in meta["result"]["exc_message"][0]
        assert worker.log.count("drain.failed queue=") == 3
        assert platform.value(platform.submit("echo", '{"value": 2}', queue=queue)) == 2
    assert platform.counts(queue).gap == 0


@pytest.mark.parametrize("pool", POOLS)
def test_a_hook_that_leaves_its_process_or_thread_holds_its_job_no_longer(platform, valkey_url, pool):
    queue = f"leaver-{pool}"
    with running_worker(valkey_url, pool, queues=queue, concurrency=1):
        told = time.monotonic()
        meta = platform.result(platform.submit("plain_leaver", "[[], {}]", queue=queue))
        assert time.monotonic() - told < 15
        assert (meta["status"], meta["result"]["exc_type"]) == ("FAILURE", "WorkerLostError")
        assert platform.value(platform.submit("echo", '{"value": 2}', queue=queue)) == 2
    assert platform.counts(queue).gap == 0
