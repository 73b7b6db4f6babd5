"""What limits hold back, over two real workers with two processes each; and what they let through."""

import json
from contextlib import ExitStack

import pytest

from jobs.ledger import State
from tests.spans import most_at_once, spans, starts_within
from tests.workers import eventually, running_worker, started, witness

QUEUES = "one,other,narrow,stopped,rates,keyed"
NARROW = json.dumps({"narrow": {"max_running": 1}})


@pytest.fixture(scope="module")
def workers(valkey_url, tmp_path_factory):
    """Two workers on all queues; they need no tables, and so share an empty database."""
    url = f"sqlite:///{tmp_path_factory.mktemp('database')}/db.sqlite3"

    def worker():
        return running_worker(valkey_url, queues=QUEUES, DATABASE_URL=url, JOBS_QUEUES=NARROW)

    with worker() as one, worker() as other:
        yield [one, other]


@pytest.fixture
def submit(platform, tmp_path):
    """Submit a job that leaves its span."""

    def submit(task, queue, key="", **arguments):
        body = json.dumps({"file": str(tmp_path / "spans"), **arguments})
        return platform.submit(task, body, queue=queue, key=key)

    return submit


def all_end(platform, jobs):
    eventually(lambda: all(platform.state(job).is_final for job in jobs), 40, "all jobs to end")
    assert {platform.state(job) for job in jobs} == {State.SUCCESS}


def test_a_key_s_jobs_run_one_at_a_time_and_beside_other_keys(platform, workers, submit, tmp_path):
    tenants = ("a", "b", "c")
    jobs = [
        submit("one_a_tenant", "keyed", key=tenant, tenant=tenant, seconds=0.03)
        for _ in range(15)
        for tenant in tenants
    ]
    all_end(platform, jobs)
    assert [most_at_once(spans(tmp_path / "spans", tenant)) for tenant in tenants] == [1, 1, 1]
    assert most_at_once(spans(tmp_path / "spans")) > 1


def test_a_task_s_limit_holds_over_workers_and_queues(platform, workers, submit, tmp_path):
    jobs = [
        submit("two_at_once", queue, name=queue, seconds=0.03)
        for _ in range(20)
        for queue in ("one", "other")
    ]
    all_end(platform, jobs)
    assert most_at_once(spans(tmp_path / "spans")) == 2
    assert platform.ledger._redis.keys("tb:slots:*") == []


def test_a_queue_s_limit_holds_over_workers_and_tasks(platform, workers, submit, tmp_path):
    tasks = ("unlimited", "two_at_once")
    jobs = [submit(task, "narrow", name=task, seconds=0.02) for _ in range(15) for task in tasks]
    all_end(platform, jobs)
    assert most_at_once(spans(tmp_path / "spans")) == 1


@pytest.mark.parametrize("what", [{"queue": "stopped"}, {"task": "witness"}], ids=["queue", "task"])
def test_what_is_paused_starts_nothing_until_it_is_resumed_and_what_runs_goes_on(
    platform, workers, submit, tmp_path, what
):
    running = witness(platform, tmp_path / "w", wait_for=tmp_path / "go", queue="stopped")
    started(tmp_path / "w")
    assert platform.ledger.pause(**what)
    waiting = [witness(platform, tmp_path / "later", seconds=0.01, queue="stopped") for _ in range(5)]
    elsewhere = "one" if "queue" in what else "stopped"
    all_end(platform, [submit("unlimited", elsewhere, name="x") for _ in range(20)])
    (tmp_path / "go").touch()
    assert platform.value(running) == 1
    all_end(platform, [submit("unlimited", elsewhere, name="x") for _ in range(20)])
    assert {platform.state(job) for job in waiting} == {State.PENDING}
    assert not (tmp_path / "later").exists()
    assert not platform.ledger.pause(**what)
    assert platform.ledger.resume(**what)
    all_end(platform, waiting)


def test_a_rate_is_kept_over_two_workers(platform, workers, submit, tmp_path):
    """Ten start at once, a second's worth; after that it is ten a second."""
    jobs = [submit("ten_a_second", "rates") for _ in range(75)]
    all_end(platform, jobs)
    runs = spans(tmp_path / "spans")
    assert starts_within(runs, after=1, seconds=5) == pytest.approx(50, rel=0.15)
    assert starts_within(runs, after=0, seconds=1) <= 20 * 1.15


def test_a_rate_that_is_no_even_number_of_seconds_is_kept_too(platform, workers, submit, tmp_path):
    jobs = [submit("eighty_a_minute", "rates") for _ in range(8)]
    all_end(platform, jobs)
    runs = spans(tmp_path / "spans")
    assert (runs[-1].began - runs[0].began) / 7 == pytest.approx(60 / 80, rel=0.15)


def test_a_rate_of_each_key_is_kept_and_holds_up_no_other_key(platform, workers, submit, tmp_path):
    fast = [submit("five_a_second_a_tenant", "rates", key="big", tenant="big") for _ in range(20)]
    few = [submit("five_a_second_a_tenant", "rates", key="small", tenant="small") for _ in range(3)]
    all_end(platform, few)
    assert platform.state(fast[-1]) is State.PENDING
    all_end(platform, fast)
    assert starts_within(spans(tmp_path / "spans", "big"), after=0, seconds=2) <= 15 * 1.15


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_ten_a_second_are_six_hundred_a_minute_over_four_workers(platform, valkey_url, submit, tmp_path):
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(running_worker(valkey_url, queues="minute", concurrency=1))
        for _ in range(700):
            submit("ten_a_second", "minute")
        runs = eventually(lambda: found if len(found := spans(tmp_path / "spans")) > 650 else [], 100)
        platform.ledger.pause(queue="minute")
    assert starts_within(runs, after=0, seconds=60) == pytest.approx(600, rel=0.05)
