"""Jobs that are to be the only one of their kind: who is in the way of whom, and until when."""

import os
import signal

import pytest

from jobs.errors import NotUnique
from jobs.ledger import State
from tests.probes.limited import (
    of_a_tenant,
    only_one_an_order,
    only_one_region,
    only_one_runs,
    only_one_waits,
)
from tests.servers import running_api
from tests.workers import eventually, running_worker, seconds

pytestmark = pytest.mark.usefixtures("at_home")


@pytest.fixture(scope="module")
def worker(valkey_url):
    with running_worker(valkey_url, JOBS_LOST_LIMIT="1", JOBS_CANCEL_GRACE_SECONDS="0") as running:
        yield running


@pytest.fixture
def files(tmp_path):
    """The file that says that the job began, and the one that lets it end."""
    return str(tmp_path / "began"), str(tmp_path / "go")


def begins(file):
    eventually(lambda: os.path.exists(file), what="the job to begin")  # noqa: PTH110 - an argument of a job


def let_go(file):
    with open(file, "w"):  # noqa: PTH123 - the same
        pass


def test_a_second_submit_gets_the_first_job_while_that_is_unfinished(platform, worker, files):
    began, go = files
    first = only_one_runs.delay(began, go)
    assert only_one_runs.delay(began, go).id == first.id
    begins(began)
    assert only_one_runs.delay(began, go).id == first.id
    other = only_one_runs.delay(began)
    assert other.id != first.id
    let_go(go)
    platform.value(first.id)
    again = only_one_runs.delay(began, go)
    assert again.id != first.id
    assert platform.value(again.id) == "done"


def test_a_second_submit_is_refused_where_the_task_says_so_by_the_named_parameters_alone(
    platform, worker, files
):
    began, go = files
    first = only_one_an_order.delay(1, began, go)
    begins(began)
    with pytest.raises(NotUnique, match=first.id):
        only_one_an_order.delay(1, "another", "another")
    other = only_one_an_order.delay(2, began, go)
    let_go(go)
    assert [platform.value(job.id) for job in (first, other)] == ["done", "done"]
    assert platform.value(only_one_an_order.delay(1, began, go).id) == "done"


def test_one_that_is_unique_while_it_waits_is_in_nobody_s_way_once_it_runs(platform, worker, files):
    began, go = files
    first = only_one_waits.delay(began, go)
    begins(began)
    second = only_one_waits.delay(began, go)
    assert second.id != first.id
    let_go(go)
    assert [platform.value(job.id) for job in (first, second)] == ["done", "done"]


def test_two_that_are_unique_while_they_wait_are_one_while_nobody_runs_them(files):
    call = only_one_waits.with_options(queue="nobody")
    assert call.delay(*files).id == call.delay(*files).id


def test_a_job_that_dies_with_its_process_frees_its_place(platform, worker, files):
    began, go = files
    first = only_one_runs.delay(began, go)
    begins(began)
    busy = eventually(lambda: platform.celery.control.inspect(timeout=1).active())
    [pid] = [job["worker_pid"] for jobs in busy.values() for job in jobs]
    os.kill(pid, signal.SIGKILL)
    assert platform.result(first.id)["result"]["exc_type"] == "WorkerLostError"
    let_go(go)
    assert platform.value(only_one_runs.delay(began, go).id) == "done"


@pytest.mark.parametrize("runs", [False, True])
def test_a_cancelled_job_frees_its_place(platform, worker, files, runs):
    began, go = files
    call = only_one_runs.with_options(queue="celery" if runs else "nobody")
    first = call.delay(began, go)
    if runs:
        begins(began)
    platform.ledger.cancel([first.id])
    platform.result(first.id)
    assert platform.state(first.id) is State.REVOKED
    assert call.delay(began, go).id != first.id
    let_go(go)


def test_an_expired_job_frees_its_place(platform, valkey_url, files):
    call = only_one_runs.with_options(queue="nobody", expires=seconds(0.3))
    first = call.delay(*files)
    with running_api(valkey_url, WEB_CONCURRENCY="1"):
        platform.result(first.id)
    assert call.delay(*files).id != first.id


def test_equal_values_of_other_parameters_are_other_arguments_and_a_default_is_an_argument_too():
    call = only_one_region.with_options(queue="nobody")
    first = call.delay(customer="north").id
    assert call.delay(region="north").id != first
    assert {call.delay("north", "").id, call.delay("north", region="").id} == {first}


def test_a_key_that_is_left_out_is_its_default(platform):
    call = of_a_tenant.with_options(queue="nobody")
    jobs = [call.delay(1).id, call.delay(1, tenant="eu").id, call.delay(1, "us").id]
    records = [platform.ledger.record(job) for job in jobs]
    assert [record.fields["key"] for record in records] == ["eu", "eu", "us"]
