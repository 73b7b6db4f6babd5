"""What a task's author knows from Celery holds in the platform's worker, on each of Celery's pools."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

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


@pytest.fixture
def stock():
    """A plain Celery application with the probes for its tasks, which it can run here."""
    app = Celery(set_as_current=False)
    yield app
    app.close()


def told(file):
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def told_by_worker(file):
    return [line for line in told(file) if "publish" not in line["event"]]


def value(sent):
    return sent.get(timeout=20)


# Signals and hooks


@pytest.mark.parametrize("how", ["succeed", "fail", "retry", "retry once", "ignore"])
def test_hooks_and_signals_are_those_of_celery_s_own_tracer(send, stock, tmp_path, how):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    stock.tasks[observed.NAME].apply(kwargs={"file": str(theirs), "how": how})
    expected = told_by_worker(theirs)
    send(observed.NAME, kwargs={"file": str(ours), "how": how})
    eventually(lambda: len(told_by_worker(ours)) >= len(expected), what="the last hook")
    assert told_by_worker(ours) == expected


def test_an_error_in_a_hook_changes_no_outcome_and_skips_no_signal(send, tmp_path):
    file = tmp_path / "told"
    assert value(send(observed.NAME, kwargs={"file": str(file), "how": "hook"})) == "hook"
    events = [line["event"] for line in told_by_worker(file)]
    assert events[-5:] == [
        "on_success",
        "task_internal_error",
        "task_success",
        "after_return",
        "task_postrun",
    ]


def test_signals_around_a_submit_tell_what_they_tell_around_a_message(send, tmp_path):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    value(send(observed.NAME, kwargs={"file": str(theirs), "how": "succeed"}))
    value(send("submits", (observed.NAME, {"file": str(ours), "how": "succeed"}, {})))
    found, expected = ([line for line in told(file) if "publish" in line["event"]] for file in (ours, theirs))
    assert [line["event"] for line in found] == ["before_task_publish", "after_task_publish"]
    for line, ideal in zip(found, expected, strict=True):
        absent = set(ideal["headers"]) - set(line["headers"])
        assert absent == {"replaced_task_nesting", "stamped_headers", "stamps"}
        assert {**line, "headers": 0} == {**ideal, "headers": 0}


# How a task ends


@pytest.mark.parametrize("what", ["SystemExit", "KeyboardInterrupt", "CancelledError"])
def test_an_error_that_would_end_its_client_is_told_as_celery_tells_it(send, worker, what):
    with pytest.raises(WorkerLostError, match=f"The task raised {what}"):
        value(send("raises", (what,)))
    assert value(send("plain_add", (1, 2))) == 3


@pytest.mark.parametrize(
    ("what", "error", "says"),
    [
        ("RecursionError", RecursionError, "maximum recursion depth exceeded"),
        ("SoftTimeLimitExceeded", SoftTimeLimitExceeded, None),
        ("NeedsTwo", Exception, "NeedsTwo.*one"),
        ("Unshowable", outcomes.Unshowable, None),
        ("object in args", ValueError, "<object object at"),
        ("huge", ValueError, "xxxxxxxx"),
        ("surrogate", ValueError, "\ud800"),
    ],
)
def test_every_error_reaches_its_client(send, what, error, says):
    sent = send("raises", (what,))
    with pytest.raises(error, match=says):
        value(sent)
    assert sent.state == "FAILURE"
    assert "Traceback (most recent call last)" in sent.traceback
    assert len(json.dumps(sent.info.args)) + len(sent.traceback) < 50_000


def test_a_value_without_a_json_form_fails_its_job(send):
    for what, says in {"object": "type object is not JSON", "circle": "Circular"}.items():
        with pytest.raises(EncodeError, match=says):
            value(send("returns", (what,)))


def test_values_that_celery_can_send_arrive(send):
    assert value(send("returns", ("bytes",))) == b"\xff"
    assert value(send("returns", ("result",))) == [["some-id", None], None]


def test_wrong_arguments_fail_the_job_with_a_type_error(send):
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        value(send("plain_add", (1, 2), {"z": 3}))


def test_ignored_jobs_end_and_keep_the_state_that_they_gave_themselves(send, platform):
    failed = send("gives_state", ("FAILURE", {"exc_type": "LookupError", "exc_message": ["mine"]}))
    eventually(lambda: platform.ledger.status(failed.id) and platform.state(failed.id).is_final)
    assert platform.state(failed.id) is State.FAILURE
    with pytest.raises(Exception, match="mine"):
        value(failed)
    done = send("gives_state", ("HALFWAY", {"n": 1}))
    eventually(lambda: platform.ledger.status(done.id) and platform.state(done.id).is_final)
    assert (platform.state(done.id), done.state, done.info) == (State.SUCCESS, "HALFWAY", {"n": 1})


def test_a_rejected_job_fails_or_is_queued_again_as_it_asks(send, platform):
    with pytest.raises(Reject):
        value(send("rejects", kwargs={"requeue": False}))
    again = send("rejects", kwargs={"requeue": True})
    assert value(again) == "there"
    assert platform.attempt(again.id) == 2
    assert platform.counts().gap == 0


def test_ignored_results_are_not_kept(send, platform):
    kept, silent = send("silent", ignore_result=False), send("silent")
    assert value(kept) == 7
    eventually(lambda: platform.ledger.status(silent.id) and platform.state(silent.id).is_final)
    assert platform.ledger.status(silent.id) == (State.SUCCESS, None)
    assert silent.state == "PENDING"


def test_canvas_inside_a_task_is_refused_in_one_line(send):
    with pytest.raises(CanvasRefused, match="replaces: replace: this release cannot"):
        value(send("replaces"))
    with pytest.raises(CanvasRefused, match="raises: link: this release cannot"):
        value(send("submits", ("raises", {"what": "huge"}, {"link": {"task": "x"}})))


# Retries


@pytest.mark.parametrize(
    ("how", "times", "expected"),
    [
        ("twice", 2, {"how": "twice", "times": 2, "retries": 2, "redelivered": False}),
        ("quiet", 1, {"how": "quiet", "times": 1, "retries": 1, "redelivered": False}),
        (
            "quiet, then raise",
            1,
            {"how": "quiet, then raise", "times": 1, "retries": 1, "redelivered": False},
        ),
        ("other arguments", 1, {"how": "told anew", "times": 1, "retries": 1, "redelivered": False}),
    ],
)
def test_a_retry_is_one_more_attempt_of_the_same_job(send, platform, how, times, expected):
    sent = send("retries", (how, times))
    assert value(sent) == expected
    assert platform.attempt(sent.id) == times + 1


def test_retries_that_are_used_up_raise_the_named_error_or_celery_s_own(send):
    with pytest.raises(OSError, match="again"):
        value(send("retries", ("for ever",)))
    with pytest.raises(MaxRetriesExceededError, match="retries are used up"):
        value(send("retries", ("limit",)))


def test_what_cannot_be_recorded_fails_its_job_at_once(send):
    with pytest.raises(ValueError, match="never"):
        value(send("retries", ("no instant",)))
    with pytest.raises(AttributeError, match="as_tuple"):
        value(send("leaves_behind"))


def test_a_task_retries_by_itself_and_keeps_its_own_call(send):
    assert value(send("counting", (2,))) == {"called": 2}
    with pytest.raises(OSError, match="failure 3"):
        value(send("counting", (5,)))


def test_a_waiting_retry_shows_its_error(platform, send):
    sent = send("retry_later")
    eventually(lambda: sent.state == "RETRY")
    assert isinstance(sent.info, ZeroDivisionError)
    assert "ZeroDivisionError" in sent.traceback
    assert value(sent) == 1


# What a task sees


def test_a_request_tells_what_was_sent(send):
    eta = datetime.now(UTC).replace(microsecond=0)
    sent = send(
        "request", (1,), {"two": 2}, eta=eta, expires=eta + timedelta(hours=1), time_limit=40, priority=3,
        headers={"x-trace": "abc"}, shadow="another name",
    )  # fmt: skip
    assert value(sent) == {
        "id": sent.id, "args": [1], "kwargs": {"two": 2}, "retries": 0, "root_id": sent.id, "parent_id": None,
        "headers": {"x-trace": "abc"}, "timelimit": [40, 50], "time_limit": 40, "soft_time_limit": 50,
        "eta": eta.isoformat(), "expires": (eta + timedelta(hours=1)).isoformat(), "called_directly": False,
        "is_eager": False, "shadow": "another name",
        "delivery_info": {"exchange": "", "routing_key": "celery", "priority": 3, "redelivered": False},
    }  # fmt: skip


def test_a_job_from_inside_a_job_knows_its_parent_and_is_its_child(send, platform):
    parent = send("submits", ("request", {}, {"ignore_result": False, "headers": {"x-trace": "abc"}}))
    made = value(parent)
    seen = value(platform.celery.AsyncResult(made["id"]))
    assert (seen["root_id"], seen["parent_id"], seen["headers"]) == (parent.id, parent.id, {"x-trace": "abc"})
    assert [child.id for child in parent.children] == [made["id"]]
    assert not made["ignored"]
    assert value(send("submits", ("silent", {}, {})))["ignored"]


def test_a_task_may_not_wait_for_another(send):
    assert "Never call result.get() within a task" in value(send("joins"))


def test_a_task_that_says_so_shows_that_it_started(send):
    assert value(send("started")) == "STARTED"


def test_an_expired_job_is_revoked(send):
    sent = send("plain_add", (1, 2), expires=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(TaskRevokedError, match="expired"):
        value(sent)
    assert sent.state == "REVOKED"


def test_a_message_that_asks_for_no_task_stops_no_worker(send, platform, worker):
    garbage = [
        ([], {"task": "plain_add"}),
        ("{", {"task": "plain_add", "id": "no-arguments"}),
        ([[1, 2], {}, {}], {"task": "plain_add", "id": "no-instant", "eta": "never"}),
        ({"no": "task"}, {}),
    ]
    with platform.celery.connection_for_write() as connection:
        for body, headers in garbage:
            connection.Producer().publish(body, routing_key="celery", headers=headers)
    assert value(send("plain_add", (1, 2))) == 3
    assert platform.ledger.status("no-instant") is None
    assert worker.process.poll() is None
