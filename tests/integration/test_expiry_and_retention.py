"""How long a job may wait for its start, and how long it can be read back; the API's ticks see to it."""

import time
from datetime import timedelta

import pytest

from jobs.ledger import State
from tests.integration.hand import a_hand
from tests.probes.limited import soon_forgotten, soon_stale
from tests.servers import running_api
from tests.workers import Platform, eventually, running_worker, seconds

LATE_SECONDS = 1.2
"""How late the clock of the ledger may be: a tick a second, and a busy machine."""
GONE = seconds(2)


@pytest.fixture(scope="module", autouse=True)
def api(valkey_url):
    with running_api(valkey_url, WEB_CONCURRENCY="1", JOBS_GONE_TTL_SECONDS="2") as url:
        yield url


@pytest.fixture(scope="module")
def worker(valkey_url):
    with running_worker(valkey_url, JOBS_GONE_TTL_SECONDS="2") as running:
        yield running


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize("said", ["by the task", "by the submit", "by the submit, as an instant"])
def test_a_job_that_nobody_starts_is_revoked_when_it_expires(platform, tmp_path, said):
    file = str(tmp_path / "never")
    began = time.monotonic()
    if said == "by the task":
        job = soon_stale.with_options(queue="nobody").delay(file).id
    elif said == "by the submit":
        job = soon_stale.with_options(queue="nobody", expires=timedelta(seconds=0.5)).delay(file).id
    else:
        expires = platform.ledger.record(soon_forgotten.with_options(queue="nobody").delay().id)
        instant = expires.instant("created") + timedelta(seconds=0.5)
        job = soon_stale.with_options(queue="nobody", expires=instant).delay(file).id
    meta = platform.result(job)
    waited, wanted = time.monotonic() - began, 1.0 if said == "by the task" else 0.5
    assert (meta["status"], meta["result"]["exc_message"]) == ("REVOKED", ["expired"])
    assert wanted - 0.01 <= waited < wanted + LATE_SECONDS
    record = platform.ledger.record(job)
    assert record.instant("ended") >= record.instant("expires")
    assert platform.attempt(job) == 0


@pytest.mark.usefixtures("at_home")
def test_a_job_whose_expiry_is_over_at_its_submit_is_revoked(platform, tmp_path):
    job = soon_stale.apply_async((str(tmp_path / "never"),), queue="nobody", expires=-5).id
    assert platform.result(job)["result"]["exc_message"] == ["expired"]
    assert platform.attempt(job) == 0


def test_a_job_that_is_delayed_past_its_expiry_is_revoked_while_it_is_scheduled(platform):
    job = platform.submit("echo", '{"value": 1}', queue="nobody", delay=seconds(60), expires_in=seconds(0.5))
    assert platform.result(job)["status"] == "REVOKED"
    assert platform.counts("nobody").gap == 0


def test_a_job_that_runs_at_its_expiry_runs_on(platform, worker):
    job = platform.submit("brief", '{"seconds": 2.5}', expires_in=seconds(1))
    assert platform.value(job) == 2.5


def test_a_job_that_has_started_does_not_expire_though_its_process_dies(platform, worker):
    job = platform.submit("die", '{"attempts": 1, "seconds": 1.5}', expires_in=seconds(1))
    assert platform.value(job) == 2


@pytest.mark.parametrize("again", ["hand_back", "retry"])
def test_a_job_that_comes_back_past_its_expiry_is_given_out_again(platform, again):
    with a_hand(platform.settings, name=again) as hand:
        job = platform.submit("process", '{"data": "x"}', queue="mine", expires_in=seconds(0.2))
        first = hand.claim("mine")
        time.sleep(0.3)
        getattr(hand, again)(first)
        platform.ledger.tick(force=True)
        second = hand.claim("mine")
        assert (second.id, platform.state(job)) == (job, State.STARTED)
        hand.succeed(second)


def test_whether_a_job_was_there_is_a_matter_of_redis_s_clock_alone(valkey_url, monkeypatch):
    platform = Platform(valkey_url, GONE_TTL=seconds(60))
    with a_hand(platform.settings, name="there") as hand:
        job = platform.submit("process", '{"data": "x"}', queue="mine")
        hand.succeed(hand.claim("mine"))
    assert platform.ledger.discard([job]) == ["discarded"]
    monkeypatch.setattr(time, "time", lambda: time.clock_gettime(time.CLOCK_REALTIME) + 3600)
    assert platform.ledger.was_there(job)
    platform.close()


@pytest.mark.usefixtures("at_home", "worker")
@pytest.mark.parametrize("fails", [False, True])
def test_past_its_task_s_own_retention_a_job_is_gone_and_later_not_even_that_is_known(valkey_url, fails):
    """Its record stays for its TTL of one second; that it was there, for two more."""
    platform = Platform(valkey_url, GONE_TTL=GONE)
    job = soon_forgotten.delay(fails=fails).id
    platform.result(job)
    began = time.monotonic()
    assert not platform.ledger.was_there(job)
    eventually(lambda: platform.ledger.status(job) is None, 10, "the job to be trimmed")
    assert 0.9 <= time.monotonic() - began < 1 + LATE_SECONDS
    assert platform.ledger.was_there(job)
    assert platform.celery.AsyncResult(job).state == "PENDING"
    trimmed = time.monotonic()
    eventually(lambda: not platform.ledger.was_there(job), 10, "its trace to go")
    assert time.monotonic() - trimmed > GONE.total_seconds() - 0.5
    assert platform.state(platform.submit("echo", '{"value": 1}')) is not State.FAILURE
    platform.close()
