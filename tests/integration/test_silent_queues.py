"""What a tick does for queues that have work and no bell, and for those of which very much comes due."""

import pytest

from tests.integration.a_job import DONE, a_job
from tests.workers import seconds


@pytest.fixture
def rung(server, ledger):
    """Take all bells, tick, and count the new ones."""

    def rung():
        server.raw.delete("celery")
        ledger.tick(force=True)
        return server.raw.llen("celery")

    return rung


def test_a_job_that_those_who_came_do_not_know_calls_ever_more_workers_up_to_all(ledger, new_holder, rung):
    """So one new worker among many old ones soon gets to hear of a job that it alone knows."""
    ledger.submit(a_job())
    assert [rung() for _ in range(3)] == [1, 1, 1]
    for worker in range(5):
        ledger.renew(f"worker-{worker}", "{}", "known", [])
    assert [rung() for _ in range(4)] == [2, 4, 5, 5]
    ledger.submit(a_job())
    holder = new_holder("holder")
    holder.finish(holder.claim("celery"), DONE)
    assert [rung() for _ in range(2)] == [1, 2]
    holder.claim("celery")
    assert rung() == 0


def test_a_flood_of_due_jobs_in_one_queue_holds_up_no_other(server, ledger):
    for number in range(3_000):
        ledger.submit(a_job(f"flood-{number}", queue="flood", delay=seconds(60)))
    for queue in ("one", "two", "three"):
        ledger.submit(a_job(queue, queue=queue, delay=seconds(60)))
    queues = ("flood", "one", "two", "three")
    for queue in queues:
        server.raw.zunionstore(f"tb:scheduled:{queue}", {f"tb:scheduled:{queue}": 0})
    ticks, more = 0, True
    while more and any(ledger.counts(queue).scheduled for queue in queues[1:]):
        more, ticks = ledger.tick(force=True).more, ticks + 1
    assert ledger.counts("flood").scheduled > 0
    while ledger.tick(force=True).more:
        pass
    assert [ledger.counts(queue).waiting for queue in queues] == [3_000, 1, 1, 1]
