"""Workers of two releases on one ledger: a job waits for a worker that knows its task."""

from jobs.ledger import State
from tests.workers import eventually, running_worker

NEXT = "tasks,tests.probes,tests.next_release"


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
