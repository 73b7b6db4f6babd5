"""What is tried again, when and how often, in a real worker."""

import json

import pytest

from tests.probes.retries import picky
from tests.workers import lines, running_worker


@pytest.fixture(scope="module")
def worker(valkey_url):
    """One pool is enough: what is decided here is decided where the attempt ended."""
    with running_worker(valkey_url) as running:
        yield running


@pytest.fixture
def run(platform, worker, tmp_path):
    """Run a job to its end; gives what is published and when its attempts began."""
    file = tmp_path / "attempts"

    def run(task, options="", **arguments):
        named = {"file": str(file), **arguments}
        body = [[], named] if task == "auto" else named  # it has no schema
        meta = platform.result(platform.submit(task, json.dumps(body), options=options))
        return meta, [line.split(maxsplit=1) for line in lines(file)]

    return run


def moments(attempts):
    return [float(attempt[0]) for attempt in attempts]


@pytest.mark.parametrize("task", ["picky", "auto"])
@pytest.mark.parametrize(
    ("error", "times"), [("ConnectionError", 3), ("PermissionError", 1), ("ValueError", 1)]
)
def test_an_error_is_tried_again_when_it_is_among_those_named_and_not_among_those_refused(
    run, task, error, times
):
    meta, attempts = run(task, error=error)
    assert (meta["status"], meta["result"]["exc_type"], len(attempts)) == ("FAILURE", error, times)


def test_a_wait_that_the_error_asks_for_is_kept(run):
    meta, attempts = run("told_when", seconds=0.5)
    assert meta["result"] == 2
    first, second = moments(attempts)
    assert 0.5 <= second - first < 5


@pytest.mark.parametrize("task", ["picky", "asks_for_ever", "auto"])
@pytest.mark.parametrize("times", [1, 2, 4])
def test_a_submit_says_how_often_its_job_is_tried(run, task, times):
    more = {} if task == "asks_for_ever" else {"error": "ConnectionError"}
    meta, attempts = run(task, options=json.dumps({"max_attempts": times}), **more)
    assert (meta["status"], len(attempts)) == ("FAILURE", times)


def test_a_task_that_asked_for_its_last_retry_is_not_tried_again_by_its_own_policy(run):
    meta, attempts = run("gives_up")
    assert (meta["result"]["exc_message"], len(attempts)) == (["given up"], 2)


def test_an_attempt_that_is_tried_again_is_told_as_a_retry_and_the_last_as_a_failure(run):
    _, told = run("watched")
    assert [what for _, what in told] == ["retry OSError 0", "failure OSError"]


@pytest.mark.usefixtures("worker", "at_home")
@pytest.mark.parametrize("times", [1, 4])
def test_a_typed_call_says_how_often_its_job_is_tried(platform, tmp_path, times):
    file = tmp_path / "attempts"
    handle = picky.with_options(max_attempts=times).submit_on_commit(str(file), "ConnectionError")
    assert platform.result(handle.id)["status"] == "FAILURE"
    assert len(lines(file)) == times
