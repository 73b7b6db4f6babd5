"""The life of one job over HTTP: its detail, its log, and what can be done to it."""

from datetime import datetime, timedelta
from urllib.parse import quote

import pytest

from jobs.ledger import Unique
from jobs.limits import Limit, Limits
from tests.client import Client
from tests.integration.a_job import a_job
from tests.integration.hand import NAME, a_hand
from tests.servers import running_api, running_valkey
from tests.workers import Platform

NARROW = '{"narrow": {"max_running": 1}}'
LIMITED = {
    "one_by_one": Limits(task=Limit(max_running=1)), "by_key": Limits(each_key=Limit(max_running=1)),
}  # fmt: skip
ODD = ["a/b", "a b", "ü%ß", "cancel", "retry", "log", "a/cancel", "a/retry", "x/", "?q=1#f", "..", "' OR 1"]


@pytest.fixture(scope="module")
def urls():
    with running_valkey() as valkey, running_api(valkey.url, JOBS_QUEUES=NARROW) as api:
        yield api, valkey.url


@pytest.fixture
def client(urls):
    return Client(urls[0])


@pytest.fixture
def platform(urls):
    platform = Platform(urls[1], QUEUES=NARROW)
    platform.ledger._redis.flushall()
    yield platform
    platform.close()


@pytest.fixture
def hand(platform):
    with a_hand(platform.settings, "process", limited=LIMITED) as hand:
        yield hand


@pytest.fixture
def other_hand(platform):
    with a_hand(platform.settings, "process", name="other", limited=LIMITED) as hand:
        yield hand


@pytest.fixture
def submit(platform):
    return lambda job_id="", **more: platform.ledger.submit(a_job(job_id, **more)).id


@pytest.fixture
def detail(client):
    return lambda task_id: client.get(f"/api/jobs/{quote(task_id, safe='')}/").json()


def act(client, task_id, action=""):
    path = f"/api/jobs/{quote(task_id, safe='')}/"
    return client.send("POST", f"{path}{action}/") if action else client.send("DELETE", path)


# The detail


def test_the_detail_of_a_job_that_runs_names_its_worker_and_attempt(hand, submit, detail):
    task_id = submit(key="k", priority=3)
    hand.claim()
    told = detail(task_id)
    expected = {
        "status": "STARTED",
        "worker": NAME,
        "attempt": 1,
        "key": "k",
        "retries": 0,
        "waits_for": None,
    }
    assert {name: told[name] for name in expected} == expected
    (attempt,) = told["attempts"]
    assert attempt == {
        "attempt": 1, "outcome": "STARTED", "started_at": told["started_at"], "ended_at": None,
        "worker": NAME, "cause": None, "error": None,
    }  # fmt: skip


def test_the_detail_keeps_the_history_of_all_attempts(platform, hand, submit, detail):
    task_id = submit()
    hand.retry(hand.claim())
    hand.hand_back(hand.claim())
    hand.fail(hand.claim(), "ValueError", "in the end")
    told = detail(task_id)
    assert [(each["attempt"], each["outcome"]) for each in told["attempts"]] == [
        (1, "RETRY"), (2, "PENDING"), (2, "FAILURE"),
    ]  # fmt: skip
    assert told["attempts"][2]["error"] == {"error": "ValueError", "message": "in the end", "traceback": "…"}
    assert (told["retries"], told["lost"], told["attempt"]) == (1, 0, 2)
    assert all(each["started_at"] <= each["ended_at"] for each in told["attempts"])
    assert platform.ledger.redrive([task_id]) == ["ready"]
    hand.succeed(hand.claim())
    told = detail(task_id)
    assert told["attempts"][-1]["outcome"] == told["status"] == "SUCCESS"
    assert told["attempts"][-1]["ended_at"] == told["ended_at"]
    assert [each["attempt"] for each in told["attempts"]] == [1, 2, 2, 3]


def test_a_lost_attempt_is_told_with_its_cause(platform, hand, submit, detail):
    task_id = submit()
    hand.claim()
    platform.ledger.release("killed by signal 9", ["hand"])
    told = detail(task_id)
    assert (told["status"], told["lost"], told["waits_for"]) == ("PENDING", 1, "worker")
    assert [(each["outcome"], each["cause"]) for each in told["attempts"]] == [("LOST", "killed by signal 9")]


def test_the_detail_tells_what_its_submit_asked(submit, detail):
    told = detail(submit(options='{"max_attempts": 7}', expires_in=timedelta(hours=1)))
    assert told["max_attempts"] == 7
    left = datetime.fromisoformat(told["expires_at"]) - datetime.fromisoformat(told["created_at"])
    assert left == timedelta(hours=1)


# What a job waits for


def test_a_ready_job_waits_for_a_worker(hand, submit, detail):
    task_id = submit()
    assert detail(task_id)["waits_for"] == "worker"
    hand.renew()
    assert detail(task_id)["waits_for"] == "worker"


def test_a_job_that_no_living_worker_knows_waits_for_one_that_does(hand, submit, detail):
    assert hand.finds_nothing()  # with its first claim it tells what it knows
    hand.renew()
    assert detail(submit(task="unheard_of"))["waits_for"] == "worker that knows the task"


def test_a_scheduled_job_waits_for_its_time_though_its_queue_is_paused(client, submit, detail):
    task_id = submit(delay=timedelta(hours=1))
    client.send("POST", "/api/queues/celery/pause/")
    assert detail(task_id)["waits_for"] == "time"


def test_a_job_to_be_tried_again_waits_for_its_time(hand, submit, detail):
    task_id = submit()
    hand.retry(hand.claim(), timedelta(hours=1))
    assert (detail(task_id)["status"], detail(task_id)["waits_for"]) == ("RETRY", "time")


@pytest.mark.parametrize("path", ["/api/queues/celery", "/api/tasks/process"])
def test_a_job_of_a_paused_queue_or_task_waits_for_the_pause_to_end(client, submit, detail, path):
    task_id = submit()
    assert client.send("POST", f"{path}/pause/").json()["changed"]
    assert detail(task_id)["waits_for"] == "pause"
    assert client.send("POST", f"{path}/resume/").json()["changed"]
    assert detail(task_id)["waits_for"] == "worker"


@pytest.mark.parametrize(("task", "key"), [("one_by_one", ""), ("by_key", "k")])
def test_a_job_beyond_a_limit_waits_for_the_limit(hand, other_hand, submit, detail, task, key):
    submit(task=task, key=key)
    second = submit(task=task, key=key)
    hand.claim()
    assert other_hand.finds_nothing()
    assert detail(second)["waits_for"] == "limit"


def test_a_job_of_a_queue_that_runs_as_many_as_may_waits_for_the_limit(hand, submit, detail):
    submit(queue="narrow")
    second = submit(queue="narrow")
    hand.claim("narrow")
    assert detail(second)["waits_for"] == "limit"


# The log


def test_the_log_of_a_job_is_its_lines_in_order(platform, client, hand, submit):
    task_id = submit()
    assert client.get(f"/api/jobs/{task_id}/log/").json() == {"task_id": task_id, "lines": []}
    job = hand.claim()
    for number in range(2):
        line = f'{{"at_us": {1_700_000_000_000_000 + number}, "attempt": 1, "message": "line {number}"}}'
        assert platform.ledger.note(job.id, job.token, line=line)
    told = client.get(f"/api/jobs/{task_id}/log/").json()
    assert [(each["attempt"], each["message"]) for each in told["lines"]] == [(1, "line 0"), (1, "line 1")]
    assert told["lines"][0]["at"] == "2023-11-14T22:13:20Z"


# Cancel, retry, discard


def test_a_waiting_job_is_revoked_when_it_is_cancelled(client, submit, detail):
    task_id = submit()
    assert act(client, task_id, "cancel").json() == {"task_id": task_id, "outcome": "revoked"}
    assert detail(task_id)["status"] == "REVOKED"
    act(client, task_id, "cancel").problem(409, "job-ended")


def test_a_running_job_is_asked_to_stop(platform, client, hand, submit, detail):
    task_id = submit()
    job = hand.claim()
    assert act(client, task_id, "cancel").json() == {"task_id": task_id, "outcome": "asked"}
    assert (detail(task_id)["status"], detail(task_id)["cancel_requested"]) == ("STARTED", True)
    assert platform.ledger.cancels() == {task_id: job.token}


def test_a_failed_or_revoked_job_runs_again_under_its_own_id(client, hand, submit):
    task_id = submit()
    hand.fail(hand.claim())
    assert act(client, task_id, "retry").json() == {"task_id": task_id, "outcome": "ready"}
    assert hand.claim().attempt == 2


def test_a_job_that_waits_for_its_time_is_ready_at_once(client, hand, submit):
    task_id = submit(delay=timedelta(hours=1))
    assert act(client, task_id, "retry").json()["outcome"] == "ready"
    assert hand.claim().id == task_id


def test_a_job_that_is_ready_runs_or_succeeded_cannot_be_run_again(client, hand, submit):
    task_id = submit()
    act(client, task_id, "retry").problem(409, "job-unfinished")
    job = hand.claim()
    act(client, task_id, "retry").problem(409, "job-unfinished")
    hand.succeed(job)
    act(client, task_id, "retry").problem(409, "job-ended")


def test_a_job_whose_place_among_the_unique_was_taken_cannot_be_run_again(client, hand, submit):
    task_id = submit(unique=Unique(kind="process\n1"))
    hand.fail(hand.claim())
    submit(unique=Unique(kind="process\n1"))
    act(client, task_id, "retry").problem(409, "not-unique")


def test_an_ended_job_can_be_discarded_and_is_gone(client, hand, submit):
    task_id = submit()
    act(client, task_id).problem(409, "job-unfinished")
    hand.succeed(hand.claim())
    answer = act(client, task_id)
    assert (answer.status, answer.body) == (204, b"")
    act(client, task_id).problem(410, "job-gone")


@pytest.mark.parametrize("path", ["/api/jobs/x/", "/api/jobs/x/cancel/", "/api/jobs/x/retry/"])
def test_nothing_can_be_done_to_a_job_that_never_was(client, path):
    client.send("DELETE" if path.endswith("x/") else "POST", path).problem(404, "job-not-found")


@pytest.mark.parametrize("name", ["cancel", "retry"])
def test_an_action_works_with_post_alone(client, name):
    answer = client.get(f"/api/jobs/x/{name}/")
    answer.problem(405, "method-not-allowed")
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("task_id", ODD)
def test_every_route_of_a_job_works_whatever_its_id(client, hand, submit, detail, task_id):
    submit(task_id)
    path = quote(task_id, safe="")
    assert client.get(f"/api/tasks/status/{path}/").json()["task_id"] == task_id
    assert detail(task_id)["task_id"] == task_id
    assert act(client, task_id, "cancel").json() == {"task_id": task_id, "outcome": "revoked"}
    assert act(client, task_id, "retry").json() == {"task_id": task_id, "outcome": "ready"}
    assert client.get(f"/api/jobs/{path}/log/").json()["task_id"] == task_id
    hand.fail(hand.claim())
    assert act(client, task_id).status == 204
    client.get(f"/api/tasks/status/{path}/").problem(410, "job-gone")
