"""Lists of jobs over HTTP: filters, and cursors that hold while jobs move."""

import base64
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import pytest

from tests.client import Client
from tests.integration.a_job import a_job
from tests.integration.hand import a_hand
from tests.workers import Platform


@pytest.fixture
def client(api):
    return Client(api)


@pytest.fixture
def platform(valkey_url):
    platform = Platform(valkey_url)
    platform.ledger._redis.flushall()
    yield platform
    platform.close()


@pytest.fixture
def hand(platform):
    with a_hand(platform.settings) as hand:
        yield hand


@pytest.fixture
def submit(platform):
    return lambda **more: platform.ledger.submit(a_job(**more)).id


@pytest.fixture
def ids(client):
    """The ids of a list, of all its pages: one may be short where the machine is busy."""

    def ids(query=""):
        found = []
        answer = client.get(f"/api/jobs/?{query}").json()
        while True:
            found += [job["task_id"] for job in answer["jobs"]]
            if answer["next"] is None:
                return found
            answer = client.get(f"/api/jobs/?{query}&{urlencode({'cursor': answer['next']})}").json()

    return ids


def pages(client, path, between=lambda: None, **parameters):
    """Every page of a list, with something done between them."""
    while True:
        answer = client.get(f"{path}?{urlencode(parameters)}")
        assert answer.status == 200, answer.body
        yield [job["task_id"] for job in answer.json()["jobs"]]
        if answer.json()["next"] is None:
            return
        parameters["cursor"] = answer.json()["next"]
        between()


def test_where_there_is_no_job_the_list_is_empty(platform, client):
    assert client.get("/api/jobs/").json() == {"jobs": [], "next": None}
    assert client.get("/api/jobs").json() == {"jobs": [], "next": None}


def test_a_list_tells_each_job_as_its_detail_does(client, hand, submit):
    task_id = submit(key="k", priority=3)
    hand.fail(hand.claim())
    (told,) = client.get("/api/jobs/").json()["jobs"]
    detail = client.get(f"/api/jobs/{task_id}/").json()
    assert told == {name: detail[name] for name in told}
    assert (told["status"], told["key"], told["worker"]) == ("FAILURE", "k", "hand@test")


def test_a_job_for_the_last_instant_that_there_is_can_be_listed(client, submit, ids):
    """In the ledger's doubles it lies in the year 10000, which no date has."""
    job = submit(due=datetime.max.replace(tzinfo=UTC))
    assert ids() == [job]
    assert client.get(f"/api/jobs/{job}/").json()["due_at"].startswith("9999-12-31T23:59:59")


def test_a_list_is_filtered_by_state(hand, submit, ids):
    failed, succeeded, retried, running = (submit() for _ in range(4))
    for job, how in ((failed, hand.fail), (succeeded, hand.succeed)):
        claimed = hand.claim()
        assert claimed.id == job
        how(claimed)
    hand.retry(hand.claim(), timedelta(hours=1))
    assert hand.claim().id == running
    waiting, scheduled = submit(), submit(delay=timedelta(hours=1))
    assert ids("status=FAILURE") == [failed]
    assert ids("status=STARTED") == [running]
    assert ids("status=PENDING") == [scheduled, waiting]
    assert set(ids("status=RETRY,STARTED&status=SUCCESS")) == {retried, running, succeeded}
    assert set(ids()) == {failed, succeeded, retried, running, waiting, scheduled}


def test_a_list_is_filtered_by_queue_task_and_key(submit, ids):
    odd = 'a b/"ü'
    one, two, three = submit(queue=odd), submit(task="other"), submit(key="k")
    assert ids(f"queue={quote(odd)}") == [one]
    assert ids("task=other") == [two]
    assert ids("key=k") == [three]
    assert ids("key=k&task=other") == []
    assert ids("queue=never-heard-of") == []


def test_a_long_key_is_found_as_it_was_submitted(client, ids):
    key = "long " * 60
    submitted = client.post(f"/api/tasks/process/?{urlencode({'key': key})}", b'{"data": ""}')
    assert ids(urlencode({"key": key})) == [submitted.json()["task_id"]]


def test_jobs_that_wait_come_the_oldest_first_and_ended_ones_the_latest_first(hand, submit, ids):
    jobs = [submit() for _ in range(4)]
    assert ids("status=PENDING") == jobs
    for _ in jobs:
        hand.succeed(hand.claim())
    assert ids("status=SUCCESS") == jobs[::-1]


@pytest.mark.parametrize("limit", [1, 7, 200])
def test_pages_together_are_the_whole_list_once(client, submit, limit):
    jobs = {submit(queue=f"q{number % 3}", delay=timedelta(number % 2)) for number in range(40)}
    read = list(pages(client, "/api/jobs/", limit=limit))
    assert all(len(page) <= limit for page in read)
    assert Counter(job for page in read for job in page) == Counter(jobs)


def test_a_rare_job_among_many_is_found_by_its_cursor(client, submit):
    for _ in range(2500):
        submit()
    rare = submit(key="rare")
    read = list(pages(client, "/api/jobs/", key="rare"))
    assert [job for page in read for job in page] == [rare]
    assert len(read) > 1  # a page looks at so many jobs and no more


def test_over_a_thousand_jobs_a_cursor_misses_none_that_stays_and_repeats_none_while_others_move(
    client, hand, submit
):
    jobs = [submit() for _ in range(1200)]

    def claim_the_next_ten():
        for _ in range(10):
            hand.succeed(hand.claim())

    read = list(pages(client, "/api/jobs/", claim_the_next_ten, status="PENDING", limit=100))
    seen = [job for page in read for job in page]
    moved = set(jobs[: 10 * (len(read) - 1)])
    assert Counter(seen).most_common(1)[0][1] == 1
    assert set(jobs) - moved <= set(seen)


def test_ended_jobs_that_come_while_a_list_is_read_do_not_shift_it(client, hand, submit):
    jobs = [submit() for _ in range(60)]
    for _ in range(40):
        hand.succeed(hand.claim())
    read = list(pages(client, "/api/jobs/", lambda: hand.succeed(hand.claim()), status="SUCCESS", limit=10))
    assert [job for page in read for job in page] == jobs[39::-1]


@pytest.mark.parametrize(
    ("query", "named"),
    [("limit=0", "limit"), ("limit=201", "limit"), ("limit=x", "limit"), ("status=DONE", "status"),
     ("status=", "status"), ("status=PENDING,", "status"), ("taks=process", "taks"), ("queue=", "queue"),
     ("task=a&task=b", "task")],
)  # fmt: skip
def test_a_parameter_of_a_list_that_does_not_fit_is_named(client, query, named):
    problem = client.get(f"/api/jobs/?{query}").problem(422, "parameters-invalid")
    assert {error["loc"][0] for error in problem["errors"]} == {named}


def packed(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "äöü", "=", "AAAA", packed({}), packed([]), packed([1, 2, 3, 4, 5]), packed("x" * 9),
     packed(["", "celery", "waiting", 1e400, "x"]), packed(["", "celery", "waiting", 1, "\ud800"]),
     packed(["", "celery", "nowhere", 1, "x"]), packed(["", "other", "waiting", 1, "x"]),
     packed(["", "celery", "waiting", 10**400, "x"]), packed(["", "celery", "waiting", 1, "x"]),
     base64.urlsafe_b64encode(b"[" * 4000).decode()],
)  # fmt: skip
def test_what_is_no_cursor_is_refused(client, submit, cursor):
    submit()
    problem = client.get(f"/api/jobs/?cursor={quote(cursor)}").problem(422, "parameters-invalid")
    assert problem["errors"][0]["loc"] == ["cursor"]


@pytest.mark.parametrize("odd", ["two\nlines", "x" * 256, " ", "\0", "a/b?c=%41&ü"])
def test_a_list_goes_on_after_a_job_whose_client_gave_it_an_odd_id(client, submit, odd):
    jobs = [submit(), submit(job_id=odd), submit()]
    assert [job for page in pages(client, "/api/jobs/", limit=1) for job in page] == jobs


def test_a_cursor_is_good_for_its_own_filter_alone(client, submit):
    for _ in range(3):
        submit()
    cursor = client.get("/api/jobs/?limit=1&task=process").json()["next"]
    assert client.get(f"/api/jobs/?limit=2&task=process&cursor={cursor}").status == 200
    client.get(f"/api/jobs/?limit=1&cursor={cursor}").problem(422, "parameters-invalid")
