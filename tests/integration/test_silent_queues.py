"""What a tick does where workers do not come, where very much comes due, and where the clock was set back."""

import pytest

from jobs.ledger import Holder, KnownTasks
from jobs.limits import Limits
from tests.integration.a_job import DONE, a_job
from tests.integration.ledger_strategies import HOURLY
from tests.workers import seconds

HOUR_US = 3_600_000_000


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


def test_turns_of_long_ago_are_forgotten_however_many_keys_there_were(server, ledger):
    ledger.submit(a_job())
    server.raw.zadd("tb:turns:celery", {f"key-{number}": number for number in range(1_700)})
    while ledger.tick(force=True).more:
        pass
    assert not server.raw.exists("tb:turns:celery")


def test_what_a_rate_stopped_by_a_clock_that_was_set_back_goes_on_a_piece_at_a_time(server, ledger):
    settings = ledger._settings
    known = KnownTasks({"process": Limits(each_key=HOURLY)}, settings)
    holder = Holder("holder", settings, known)
    for number in range(300):
        for _ in range(2):
            ledger.submit(a_job(key=f"key-{number}"))
    while server.raw.exists("tb:fair:celery"):
        if job := holder.claim("celery"):
            holder.finish(job, DONE)
    assert server.raw.hlen("tb:parked:celery") == 300
    ledger.tick(force=True)
    server.raw.hincrby("tb:tick", "at", HOUR_US)  # the last tick was in what is now the future
    assert ledger.tick(force=True).more
    assert server.raw.hlen("tb:parked:celery") == 200
    while ledger.tick(force=True).more:
        pass
    assert server.raw.exists("tb:parked:celery", "tb:timers", "tb:timers_old") == 0
    holder.close()
