"""A task's objective: what met it and what missed it is counted, once for each job."""

from datetime import timedelta

import pytest

from tests.client import Client
from tests.integration.a_job import a_job
from tests.integration.hand import a_hand
from tests.integration.test_metrics import of, read
from tests.servers import running_api, running_valkey
from tests.workers import PROBES, Platform, eventually, running_worker

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def server():
    with running_valkey() as valkey:
        yield valkey


@pytest.fixture(scope="module")
def url(server):
    with running_api(server.url, **PROBES) as api:
        yield api


@pytest.fixture
def platform(server):
    platform = Platform(server.url)
    platform.ledger._redis.flushall()
    yield platform
    platform.close()


def outcomes(url, **labels):
    """`(met, missed)`."""
    page = read(url)
    return tuple(int(of(page, "objective_jobs_total", outcome=each, **labels)) for each in ("met", "missed"))


def test_a_job_that_succeeds_in_time_meets_it_and_one_that_is_late_or_fails_misses_it(platform, url):
    with a_hand(platform.settings, "process") as hand:
        platform.ledger.submit(a_job(objective=HOUR))
        hand.succeed(hand.claim())
        assert outcomes(url, task="process") == (1, 0)
        platform.ledger.submit(a_job(objective=timedelta(microseconds=1)))
        hand.succeed(hand.claim())
        assert outcomes(url) == (1, 1)
        platform.ledger.submit(a_job(objective=HOUR))
        hand.fail(hand.claim())
        assert outcomes(url) == (1, 2)


def test_what_was_cancelled_and_what_has_no_objective_does_not_count(platform, url):
    with a_hand(platform.settings, "process") as hand:
        platform.ledger.submit(a_job())
        hand.succeed(hand.claim())
        job = a_job(objective=HOUR)
        platform.ledger.submit(job)
        platform.ledger.cancel([job.id])
        platform.ledger.submit(a_job(objective=HOUR, expires_in=timedelta(microseconds=1)))
        hand.finds_nothing()
        eventually(lambda: platform.ledger.tick(force=True) and platform.counts().revoked == 2)
        page = read(url)
    assert not [name for name, _ in page if name == "taskbell_objective_jobs_total"]


def test_a_delayed_job_has_its_time_from_when_it_could_start(platform, url):
    with a_hand(platform.settings, "process") as hand:
        platform.ledger.submit(a_job(objective=timedelta(seconds=1), delay=timedelta(seconds=1.5)))
        eventually(lambda: platform.ledger.tick(force=True) and platform.counts().waiting)
        hand.succeed(hand.claim())
    assert outcomes(url) == (1, 0)


def test_retries_count_as_one_job_and_a_redrive_does_not_count_again(platform, url):
    with a_hand(platform.settings, "process") as hand:
        job = a_job(objective=HOUR)
        platform.ledger.submit(job)
        hand.retry(hand.claim())
        hand.hand_back(hand.claim())
        hand.fail(hand.claim())
        platform.ledger.redrive([job.id])
        hand.succeed(hand.claim())
    assert outcomes(url) == (0, 1)


def test_a_task_s_objective_is_told_and_holds_however_its_job_was_submitted(platform, url):
    page = read(url)
    assert of(page, "task_objective_seconds", task="within_an_hour") == 3600
    assert of(page, "task_objective_ratio", task="within_an_hour") == 0.9
    shown = {task["name"]: task["options"] for task in Client(url).get("/api/tasks/").json()["tasks"]}
    assert shown["within_an_hour"]["objective_seconds"] == 3600
    assert shown["process"]["objective_seconds"] is None
    with running_worker(platform.settings.REDIS_URL):
        for task in ("within_an_hour", "at_once"):
            assert Client(url).post(f"/api/tasks/{task}/", b"{}", "application/json").status == 202
            platform.celery.send_task(task).get(timeout=20)  # by message
        eventually(lambda: outcomes(url, task="within_an_hour") == (2, 0))
        eventually(lambda: outcomes(url, task="at_once") == (0, 2))
