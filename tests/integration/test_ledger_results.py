"""The ledger's results are Celery's own: a plain client, which knows only the Redis URL, reads them."""

import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery
from celery.exceptions import TaskRevokedError, WorkerLostError

from jobs.ledger import Ending, Ledger, State
from tests.integration.a_job import DONE, a_job
from tests.workers import eventually

HELLO = {"processed_data": "HELLO"}
IDS = ["7c2d6a64-2f0e-4a56-9f0e-0d1c1e6f3b11", 'say "hi"\\', "日本/ä b", "a" * 255]
FAILED = (
    '{"status":"FAILURE","result":{"exc_type":"ValueError","exc_message":["no"],"exc_module":"builtins"},'
    '"traceback":"of it","children":[]'
)


@pytest.fixture
def celery(server):
    app = Celery("client", broker=server.url, backend=server.url, set_as_current=False)
    yield app
    app.backend.result_consumer.stop()
    app.close()
    app.backend.client.connection_pool.disconnect()


def finish_next(new_holder, ending: Ending) -> None:
    holder = new_holder(str(uuid.uuid4()))
    assert holder.finish(holder.claim("celery"), ending).recorded


@pytest.mark.parametrize("job_id", IDS)
def test_a_success_is_read_whole_by_celerys_backend(ledger, new_holder, celery, job_id):
    ledger.submit(a_job(job_id))
    finish_next(new_holder, DONE)
    result = celery.AsyncResult(job_id)
    assert result.get(timeout=5) == HELLO
    assert (result.state, result.children, result.traceback) == ("SUCCESS", [], None)
    assert abs(result.date_done - datetime.now(UTC)) < timedelta(minutes=1)
    assert celery.backend.get_task_meta(job_id)["task_id"] == job_id


def test_a_failure_is_raised_again_in_the_client(ledger, new_holder, celery):
    ledger.submit(a_job("failing"))
    finish_next(new_holder, Ending(outcome=State.FAILURE, meta=FAILED))
    result = celery.AsyncResult("failing")
    with pytest.raises(ValueError, match="no"):
        result.get(timeout=5)
    assert result.traceback == "of it"


def test_a_job_that_expired_is_revoked_for_the_client_too(ledger, new_holder, celery):
    ledger.submit(a_job("expired", expires=datetime(2001, 1, 1, tzinfo=UTC)))
    assert new_holder("holder").claim("celery") is None
    with pytest.raises(TaskRevokedError, match="expired"):
        celery.AsyncResult("expired").get(timeout=5)
    assert celery.AsyncResult("expired").state == "REVOKED"


def test_a_job_that_lost_its_processes_too_often_fails_as_celery_says_it(ledger, new_holder, celery):
    ledger.submit(a_job("deadly"))
    for number in range(3):
        assert new_holder(f"holder-{number}").claim("celery").attempt == number + 1
        ledger.release('was killed by "SIGKILL"', [f"holder-{number}"])
    with pytest.raises(
        WorkerLostError, match='Lost 3 attempts with their processes; the last: was killed by "SIG'
    ):
        celery.AsyncResult("deadly").get(timeout=5)


def test_a_client_that_waits_is_told_by_subscription(server, ledger: Ledger, new_holder, celery):
    ledger.submit(a_job("awaited"))
    got = []
    client = threading.Thread(target=lambda: got.append(celery.AsyncResult("awaited").get(timeout=20)))
    client.start()
    channel = "celery-task-meta-awaited"
    eventually(lambda: dict(server.raw.pubsub_numsub(channel))[channel] == 1, what="the subscription")
    finish_next(new_holder, DONE)
    client.join(timeout=20)
    assert got == [HELLO]


def test_a_retry_is_told_to_clients_and_then_its_outcome(ledger, new_holder, celery):
    ledger.submit(a_job("retried"))
    retry = FAILED.replace("FAILURE", "RETRY")
    finish_next(new_holder, Ending(outcome=State.RETRY, meta=retry))
    assert celery.AsyncResult("retried").state == "RETRY"
    finish_next(new_holder, DONE)
    assert celery.AsyncResult("retried").get(timeout=5) == HELLO
