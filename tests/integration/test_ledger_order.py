"""Whose turn it is: first come first served, keys that take turns, lanes that are parked and freed."""

from datetime import timedelta

import pytest

from jobs.conf import Settings
from jobs.errors import LedgerFull, QueueFull
from jobs.ledger import Claimed, Ending, Holder, KnownTasks, Ledger, Retention, State, Unique
from jobs.limits import Limit, Limits, Rate
from tests.integration.a_job import DONE, a_job

HOURLY = Limits(task=Limit(rate=Rate(count=1, per=timedelta(hours=1))))


def order(ledger, holder, wanted, queue="celery"):
    """The ids of jobs in the order in which they are claimed; `wanted` are triples of id, task and key."""
    for job_id, task, key in wanted:
        ledger.submit(a_job(job_id, task=task, key=key, queue=queue))
    claimed = []
    job = holder.claim(queue)
    while job:
        claimed.append(job.id)
        job = holder.finish(job, DONE, claim_from=queue).next
    return claimed


@pytest.fixture
def limited(ledger_settings):
    """Makes holders whose worker knows these limits of its tasks."""
    holders = []

    def make(name, **limits):
        holders.append(Holder(name, ledger_settings, KnownTasks(limits, ledger_settings), "a-worker"))
        return holders[-1]

    yield make
    for holder in holders:
        holder.close()


def test_jobs_without_a_key_come_in_the_order_in_which_they_were_submitted(ledger, new_holder):
    wanted = [(f"{number}-{task}", task, "") for number in range(5) for task in ("b", "a", "c")]
    assert order(ledger, new_holder("holder", "a", "b", "c"), wanted) == [job_id for job_id, *_ in wanted]


def test_keys_take_turns_however_many_jobs_one_has(ledger, new_holder):
    many = [(f"many-{number}", "process", "many") for number in range(6)]
    few = [(f"few-{number}", "process", "few") for number in range(2)]
    claimed = order(ledger, new_holder("holder"), [*many, *few])
    assert claimed == ["many-0", "few-0", "many-1", "few-1", "many-2", "many-3", "many-4", "many-5"]


def test_a_key_has_one_share_though_its_jobs_are_of_two_tasks(ledger, new_holder):
    many = [(f"many-{task}-{number}", task, "many") for number in range(3) for task in ("a", "b")]
    few = [(f"few-{number}", "a", "few") for number in range(3)]
    claimed = order(ledger, new_holder("holder", "a", "b"), [*many, *few])
    places = [claimed.index(f"few-{number}") for number in range(3)]
    assert places[2] <= 6
    assert claimed[0] == "many-a-0"


def test_many_keys_that_another_task_served_meanwhile_hold_up_nobody(ledger, new_holder):
    """Their places are put right a hundred in a claim; what a claim leaves it rings for."""
    holder, keys = new_holder("holder", "a", "b"), [f"key-{number}" for number in range(250)]
    ledger.pause(task="b")
    for task in ("b", "a"):
        for key in keys:
            ledger.submit(a_job(f"{task}-{key}", task=task, key=key))
    for key in keys:
        assert holder.finish(holder.claim("celery"), DONE).recorded, key
    ledger.resume(task="b")
    claims: list[Claimed | None] = []
    while not claims or claims[-1] is None:
        ledger._redis.delete("celery")  # as if who was rung for had come
        claims.append(holder.claim("celery"))
        assert claims[-1] or ledger.counts("celery").bells == 1
        assert len(claims) <= 3
    assert claims[-1].task == "b"


def test_jobs_without_a_key_take_turns_with_the_keys_as_one_of_them(ledger, new_holder):
    many = [(f"plain-{number}", "process", "") for number in range(6)]
    few = [(f"few-{number}", "process", "few") for number in range(2)]
    claimed = order(ledger, new_holder("holder"), [*many, *few])
    assert claimed[:5] == ["plain-0", "few-0", "plain-1", "few-1", "plain-2"]


def test_a_priority_goes_before_a_turn(ledger, new_holder):
    for number in range(3):
        ledger.submit(a_job(f"urgent-{number}", key="a", priority=5))
        ledger.submit(a_job(f"calm-{number}", key="b"))
    holder, claimed = new_holder("holder"), []
    job = holder.claim("celery")
    while job:
        claimed.append(job.id)
        job = holder.finish(job, DONE, claim_from="celery").next
    assert claimed[:3] == ["urgent-0", "urgent-1", "urgent-2"]


def test_a_free_place_lets_every_queue_go_on_that_waited_for_it(ledger, limited):
    one = {"process": Limits(task=Limit(max_running=1))}
    first, second, third = (limited(name, **one) for name in ("first", "second", "third"))
    for queue in ("a", "b", "c"):
        ledger.submit(a_job(f"in-{queue}", queue=queue))
    job = first.claim("a")
    assert (second.claim("b"), third.claim("c")) == (None, None)
    first.finish(job, DONE)
    assert third.claim("c").id == "in-c"
    assert second.claim("b") is None
    assert ledger.counts("b").bells > 0


@pytest.mark.parametrize("limit", [Limit(max_running=1), Limit(rate=Rate(count=1, per=timedelta(hours=1)))])
def test_a_limit_of_each_key_holds_back_no_other_key(ledger, limited, limit):
    for number, key in enumerate(["a", "a", "b", ""]):
        ledger.submit(a_job(f"{number}-{key}", key=key))
    each = {"process": Limits(each_key=limit)}
    claimed = [limited(f"holder-{number}", **each).claim("celery") for number in range(4)]
    assert [job and job.id for job in claimed] == ["0-a", "2-b", "3-", None]


def test_a_parked_lane_stands_in_no_claim_s_way(server, ledger, limited):
    holder = limited("holder", slow=HOURLY, quick=Limits())
    for number in range(300):
        ledger.submit(a_job(f"slow-{number}", task="slow", key=f"key-{number}"))
    ledger.submit(a_job("quick", task="quick"))
    assert holder.claim("celery").id == "slow-0"
    quick = limited("other", slow=HOURLY, quick=Limits())
    assert quick.claim("celery").id == "quick"
    third = limited("third", slow=HOURLY, quick=Limits())
    before = server.raw.info("commandstats")["cmdstat_zrange"]["calls"]
    assert third.claim("celery") is None
    assert server.raw.info("commandstats")["cmdstat_zrange"]["calls"] - before < 5
    assert ledger.counts("celery").gap == 0


def test_a_queue_at_its_length_stores_nothing_and_keeps_what_it_has(server):
    ledger = Ledger(Settings.model_validate({
        "REDIS_URL": server.url, "QUEUES": {"celery": {"max_length": 2}},
    }))  # fmt: skip
    ledger.submit(a_job("one"))
    ledger.submit(a_job("two", delay=timedelta(hours=1)))
    with pytest.raises(QueueFull):
        ledger.submit(a_job("three"))
    assert ledger.record("three") is None
    assert not ledger.submit(a_job("one")).new
    assert ledger.submit(a_job("elsewhere", queue="other")).new
    ledger._redis.connection_pool.disconnect()


def test_what_is_to_be_tried_again_counts_for_the_length(server):
    ledger = Ledger(Settings.model_validate({
        "REDIS_URL": server.url, "QUEUES": {"celery": {"max_length": 1}},
    }))  # fmt: skip
    settings = ledger._settings
    holder = Holder("holder", settings, KnownTasks({"process": Limits()}, settings))
    ledger.submit(a_job("one"))
    job = holder.claim("celery")
    assert job
    holder.finish(job, Ending(outcome=State.RETRY, delay=timedelta(hours=1)))
    with pytest.raises(QueueFull):
        ledger.submit(a_job("two"))
    holder.close()
    ledger._redis.connection_pool.disconnect()


def test_a_job_that_runs_at_its_expiry_ends_as_it_will(server, ledger, new_holder):
    ledger.submit(a_job("running", expires_in=timedelta(hours=1)))
    holder = new_holder("holder")
    job = holder.claim("celery")
    assert server.raw.zcard("tb:expiring") == 0
    server.raw.zadd("tb:expiring", {"running": 1})  # as an earlier release left it
    ledger.tick(force=True)
    assert ledger.record("running").state is State.STARTED
    assert server.raw.zcard("tb:expiring") == 0
    assert holder.finish(job, DONE).recorded
    assert server.raw.zcard("tb:expiring") == 0


def test_a_redriven_job_leaves_its_place_to_the_unique_one_that_took_it(ledger, new_holder):
    kind = Unique(kind="report")
    ledger.submit(a_job("first", unique=kind))
    holder = new_holder("holder")
    holder.finish(holder.claim("celery"), Ending(outcome=State.FAILURE))
    ledger.submit(a_job("second", unique=kind))
    assert ledger.redrive(["first"]) == ["unique"]
    holder.finish(holder.claim("celery"), DONE)
    assert ledger.redrive(["first"]) == ["ready"]
    assert ledger.submit(a_job("third", unique=kind)).id == "first"


def test_close_to_its_maxmemory_the_ledger_accepts_no_more_and_lets_end_what_runs(server, ledger, new_holder):
    ledger.submit(a_job("running"))
    holder = new_holder("holder")
    job = holder.claim("celery")
    used = server.raw.info("memory")["used_memory"]
    server.raw.config_set("maxmemory", int(used / 0.95))
    ledger.tick(force=True)
    with pytest.raises(LedgerFull):
        ledger.submit(a_job("too-much"))
    assert ledger.record("too-much") is None
    assert holder.finish(job, DONE).recorded
    server.raw.config_set("maxmemory", used * 4)
    ledger.tick(force=True)
    assert ledger.submit(a_job("too-much")).new
    server.raw.config_set("maxmemory", 0)


def test_a_task_s_own_retention_holds_for_its_jobs(server, ledger, new_holder):
    kept = Retention(success=timedelta(seconds=5), failure=timedelta(hours=2))
    for name in ("well", "badly"):
        ledger.submit(a_job(name, retention=kept))
    holder = new_holder("holder")
    job = holder.finish(holder.claim("celery"), DONE, claim_from="celery").next
    holder.finish(job, Ending(outcome=State.FAILURE, meta=DONE.meta))
    assert 0 < server.raw.ttl("celery-task-meta-well") <= 5
    assert 7000 < server.raw.ttl("celery-task-meta-badly") <= 7200
    server.raw.zadd("tb:success:celery", {"well": 1})
    ledger.tick(force=True)
    assert ledger.record("well") is None
    assert ledger.was_there("well")
    assert not ledger.was_there("never")
