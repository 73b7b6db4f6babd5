"""Which job comes next: fairness between tenants, priority, age, and jobs that are to start later."""

import json
import time
from datetime import UTC, datetime
from statistics import quantiles

import pytest

from tests.spans import spans
from tests.workers import Platform, eventually, running_worker, seconds

LATE_SECONDS = 1.2
"""How late the clock of the ledger may be: a tick a second, and a busy machine."""


@pytest.fixture
def submit(platform, tmp_path):
    """Submit a job that leaves its span."""

    def submit(name, queue, task="unlimited", on=platform, **more):
        body = {"file": str(tmp_path / "spans"), "tenant" if more.get("key") else "name": name}
        return on.submit(task, json.dumps({**body, "seconds": more.pop("takes", 0)}), queue=queue, **more)

    return submit


def wait_seconds(platform, job):
    """How long a job waited for its start, by Redis's clock."""
    record = platform.ledger.record(job)
    return (record.number("started") - record.number("created")) / 1e6


def length_between(runs, first, last, slots):
    """How long a job took while these ran, as the slots lived it: all overhead is in it."""
    during = [run for run in runs if first.began <= run.began <= last.began]
    return slots * (last.began - first.began) / (len(during) - 1)


@pytest.mark.parametrize("many", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_tenant_s_many_jobs_hold_up_another_s_few_by_no_more_than_those_take_twice(
    platform, valkey_url, submit, tmp_path, many
):
    queue, few, slots = f"fair-{many}", 10, 2
    with running_worker(valkey_url, queues=queue, concurrency=slots):
        for _ in range(many):
            submit("many", queue, task="for_a_tenant", key="many", takes=0.01)
        jobs = [submit("few", queue, task="for_a_tenant", key="few", takes=0.01) for _ in range(few)]
        eventually(lambda: all(platform.state(job).is_final for job in jobs), 60, "the few to end")
        platform.ledger.pause(queue=queue)
    assert platform.counts(queue).waiting > many / 4, "the many were to outlast the few"
    own = spans(tmp_path / "spans", "few")
    length = length_between(spans(tmp_path / "spans"), own[0], own[-1], slots)
    high = quantiles([wait_seconds(platform, job) for job in jobs], n=20, method="inclusive")[-1]
    assert high < 2 * length * few / slots


def test_a_delayed_job_is_ready_at_its_time_with_no_worker_there_and_then_starts_at_once(
    platform, api, valkey_url, submit
):
    job = submit("x", "later", delay=seconds(2))
    began = time.monotonic()
    eventually(lambda: platform.counts("later").waiting == 1)
    assert 1.99 <= time.monotonic() - began < 2 + LATE_SECONDS
    with running_worker(valkey_url, queues="later"):
        ready = datetime.now(UTC)
        platform.value(job)
    record = platform.ledger.record(job)
    assert record.instant("started") >= record.instant("due")
    assert (record.instant("started") - ready).total_seconds() < 1


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_five_seconds_delay_are_five_and_a_worker_after_ten_starts_the_job_at_once(
    platform, api, valkey_url, submit
):
    job = submit("x", "much-later", delay=seconds(5))
    began = time.monotonic()
    eventually(lambda: platform.counts("much-later").waiting == 1)
    assert 4.99 <= time.monotonic() - began < 5 + LATE_SECONDS
    eventually(lambda: time.monotonic() - began > 10)
    with running_worker(valkey_url, queues="much-later"):
        ready = datetime.now(UTC)
        platform.value(job)
    assert (platform.ledger.record(job).instant("started") - ready).total_seconds() < 1


def test_within_a_priority_the_first_submitted_comes_first(platform, valkey_url, submit, tmp_path):
    names = [f"{number % 3}-{number}" for number in range(150)]
    jobs = [submit(name, "fifo", priority=3 * int(name[0])) for name in names]
    with running_worker(valkey_url, "solo", queues="fifo"):
        for job in jobs:
            platform.value(job)
    ran = [run.name for run in spans(tmp_path / "spans")]
    assert ran == [name for first in "210" for name in names if name[0] == first]


def test_a_higher_priority_goes_first_but_starves_nobody(valkey_url, submit, tmp_path):
    """A step of priority counts for so much waiting: nine of 0.1 s are made up for by 0.9 s."""
    ageing = 0.1
    hasty = Platform(valkey_url, PRIORITY_AGEING=seconds(ageing))
    submit("low", "ageing", on=hasty)
    began = time.monotonic()
    for _ in range(20):
        submit("high", "ageing", on=hasty, priority=9)
    eventually(lambda: time.monotonic() - began > 9 * ageing)
    late = [submit("late", "ageing", on=hasty, priority=9) for _ in range(20)]
    with running_worker(valkey_url, "solo", queues="ageing", JOBS_PRIORITY_AGEING_SECONDS=str(ageing)):
        hasty.value(late[-1])
    hasty.close()
    assert [run.name for run in spans(tmp_path / "spans")] == ["high"] * 20 + ["low"] + ["late"] * 20
