"""Workers of two releases on one ledger: a job waits for a worker that knows its task."""

import json
from contextlib import closing

import redis

from jobs.ledger import State
from tests.workers import Platform, eventually, running_worker

NEXT = "tasks,tests.probes,tests.next_release"
LONG = "one and the same again and again, " * 300


def test_a_job_of_a_task_that_only_the_next_release_knows_waits_for_its_workers(platform, valkey_url):
    browse = platform.ledger.browse
    with running_worker(valkey_url, queues="skew"):
        job = platform.submit("newcomer", '{"value": 1}', queue="skew")
        others = [platform.submit("echo", '{"value": 2}', queue="skew") for _ in range(50)]
        assert {platform.value(other) for other in others} == {2}
        assert (platform.state(job), platform.attempt(job)) == (State.PENDING, 0)
        assert platform.ledger.attempts(job) == []
        [waiting] = browse.waiting_tasks("skew")
        assert (waiting.task, waiting.waiting, waiting.parked) == ("newcomer", 1, None)
        [old] = eventually(browse.workers)
        assert "echo" in old.tasks
        assert "newcomer" not in old.tasks
        with running_worker(valkey_url, queues="skew", JOBS_TASK_PACKAGES=NEXT):
            assert platform.value(job, timeout=10) == 2
            eventually(lambda: any("newcomer" in worker.tasks for worker in browse.workers()))
        assert platform.attempt(job) == 1
        assert platform.value(platform.submit("echo", '{"value": 3}', queue="skew")) == 3
    assert platform.counts("skew").gap == 0


def test_what_an_idle_worker_knows_is_told_from_its_start_to_its_end(platform, valkey_url):
    def living():
        return {worker.id: worker.tasks for worker in platform.ledger.browse.workers()}

    before = living()
    with running_worker(valkey_url, queues="idle") as worker:
        eventually(lambda: living().keys() - before.keys(), 5, "the worker to be there")
        [idle] = living().keys() - before.keys()
        assert "echo" in living()[idle]
        worker.stop()
        assert idle not in living()


def test_what_either_release_records_both_run(platform, valkey_url):
    arguments = json.dumps({"value": LONG})
    with (
        running_worker(valkey_url, queues="formats"),
        closing(Platform(valkey_url, RECORD_FORMAT=2)) as later,
    ):
        jobs = [each.submit("echo", arguments, queue="formats") for each in (platform, later)]
        assert [platform.value(job) for job in jobs] == [LONG, LONG]
    first, second = (platform.ledger.record(job).fields for job in jobs)
    assert (first["v"], second["v"]) == ("1", "2")
    assert len(second["args"]) < len(first["args"]) / 5


def test_a_job_in_a_format_of_the_future_is_left_and_fails_nowhere(platform, valkey_url):
    job = platform.submit("echo", '{"value": 1}', queue="future")
    record = f"tb:job:{job}"
    with closing(redis.Redis.from_url(valkey_url)) as client:
        client.hset(record, "args", "?what only a later release can read")
        with running_worker(valkey_url, queues="future") as worker:
            [left] = eventually(lambda: platform.ledger.attempts(job))
            assert left["cause"].startswith("recorded by a later release")
            assert (platform.state(job), platform.attempt(job)) == (State.PENDING, 0)
            assert f"job.later_format task=echo job={job}" in worker.log
            client.hset(record, "args", '{"value": 1}')  # as a worker of that release reads it
            assert platform.value(job) == 1
    assert platform.attempt(job) == 1
    assert platform.counts("future").gap == 0
