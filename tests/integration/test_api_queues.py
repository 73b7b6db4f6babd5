"""The queues over HTTP: what is in them, pause and resume, dead letters, and what is done to many jobs."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from jobs.ledger import State
from tests.client import HELLO, PROCESS, Client
from tests.integration.a_job import a_job
from tests.integration.hand import a_hand
from tests.servers import running_api, running_valkey
from tests.workers import Platform

LIMITS = '{"narrow": {"max_running": 1, "max_length": 5}}'
ODD = ["a b", "q\"uo'te", "a/b", "ü", "a/pause", "pause", "dead-letters", "100%", "tasks;x", "a\\b"]
DEAD = "/api/queues/celery/dead-letters/"


@pytest.fixture(scope="module")
def urls():
    with running_valkey() as valkey, running_api(valkey.url, JOBS_QUEUES=LIMITS) as api:
        yield api, valkey.url


@pytest.fixture
def client(urls):
    return Client(urls[0])


@pytest.fixture
def platform(urls):
    platform = Platform(urls[1], QUEUES=LIMITS)
    platform.ledger._redis.flushall()
    yield platform
    platform.close()


@pytest.fixture
def hand(platform):
    with a_hand(platform.settings, "process", "other") as hand:
        yield hand


@pytest.fixture
def submit(platform):
    return lambda **more: platform.ledger.submit(a_job(**more)).id


@pytest.fixture
def fail(hand, submit):
    def fail(error="ValueError", **more):
        task_id = submit(**more)
        hand.fail(hand.claim(), error, f"why: {error}")
        return task_id

    return fail


def post(client, path):
    answer = client.send("POST", path)
    assert answer.status == 200, answer.body
    return answer.json()


def all_of(client, path):
    """Does what is asked to all, until it is done; gives the sums, and how many requests it took."""
    told = [post(client, f"{path}?all=true")]
    while cursor := told[-1]["next"]:
        told.append(post(client, f"{path}?all=true&cursor={cursor}"))
    assert all(each["done"] + each["skipped"] <= 1000 for each in told)
    return sum(each["done"] for each in told), sum(each["skipped"] for each in told), len(told)


# What is in a queue


def test_a_queue_tells_where_its_jobs_are_and_what_limits_it(client, hand, submit):
    before = datetime.now(UTC) - timedelta(seconds=1)
    for _ in range(3):
        submit(queue="narrow")
    submit(queue="narrow", delay=timedelta(hours=1))
    hand.fail(hand.claim("narrow"))
    hand.claim("narrow")
    hand.renew()
    told = client.get("/api/queues/narrow/").json()
    assert told["counts"] | {"bells": 0} == {
        "accepted": 4, "redriven": 0, "waiting": 1, "scheduled": 1, "started": 1, "retry": 0, "success": 0,
        "failure": 1, "revoked": 0, "bells": 0, "gap": 0,
    }  # fmt: skip
    assert told["limits"] == {"max_running": 1, "max_length": 5}
    assert told["tasks"] == [{"task": "process", "waiting": 1, "parked": None, "known": True}]
    assert (told["paused"], told["dead_letters"], told["live_workers"]) == (False, 1, 1)
    assert before < datetime.fromisoformat(told["oldest_at"]) < datetime.now(UTC) + timedelta(seconds=1)


def test_the_list_of_queues_has_each_as_it_tells_itself(client, submit):
    submit(queue="b")
    submit(queue="a", task="unheard_of")
    told = client.get("/api/queues/").json()
    assert told["queues"] == [client.get(f"/api/queues/{name}/").json() for name in ("a", "b")]
    assert (told["live_workers"], told["paused_tasks"]) == (0, [])
    assert told["queues"][0]["tasks"] == [
        {"task": "unheard_of", "waiting": 1, "parked": None, "known": False}
    ]


@pytest.mark.parametrize("path", ["never", "never/dead-letters", "%00", "a%1Fb"])
def test_a_queue_that_never_had_a_job_is_not_found(platform, client, path):
    client.get(f"/api/queues/{path}/").problem(404, "queue-not-found")


@pytest.mark.parametrize("name", ODD)
def test_every_route_of_a_queue_works_whatever_its_name(client, hand, name):
    path = f"/api/queues/{quote(name, safe='')}/"
    assert client.post(f"{PROCESS}?queue={quote(name)}", HELLO).status == 202
    assert client.get(path).json()["queue"] == name
    assert post(client, f"{path}pause/") == {"queue": name, "paused": True, "changed": True}
    assert client.get(path).json()["paused"]
    assert hand.finds_nothing(name)
    assert post(client, f"{path}pause/") == {"queue": name, "paused": True, "changed": False}
    assert post(client, f"{path}resume/") == {"queue": name, "paused": False, "changed": True}
    hand.fail(hand.claim(name))
    assert len(client.get(f"{path}dead-letters/").json()["jobs"]) == 1
    assert post(client, f"{path}dead-letters/redrive/?all=true")["done"] == 1
    hand.fail(hand.claim(name))
    assert post(client, f"{path}dead-letters/discard/?all=true")["done"] == 1


# Pause


def test_a_queue_can_be_paused_before_its_first_job(client, hand, submit):
    post(client, "/api/queues/celery/pause/")
    submit()
    assert hand.finds_nothing()
    post(client, "/api/queues/celery/resume/")
    assert hand.claim()


@pytest.mark.parametrize("name", ["%00", "x" * 201, "tb:queues"])
def test_what_can_be_no_queue_cannot_be_paused(client, name):
    client.send("POST", f"/api/queues/{name}/pause/").problem(404, "queue-not-found")


def test_a_paused_task_is_claimed_in_no_queue(client, hand, submit):
    for queue in ("a", "b"):
        submit(queue=queue)
        submit(queue=queue, task="other")
    told = post(client, "/api/tasks/process/pause/")
    assert told == {"task": "process", "paused": True, "changed": True}
    submit(queue="c")
    for queue in ("a", "b"):
        job = hand.claim(queue)
        assert job.task == "other"
        hand.succeed(job)
    assert hand.finds_nothing("c")
    queues = client.get("/api/queues/").json()
    assert queues["paused_tasks"] == ["process"]
    assert [task["parked"] for queue in queues["queues"] for task in queue["tasks"]] == ["paused"] * 3
    assert post(client, "/api/tasks/process/resume/")["changed"]
    assert hand.claim("c").task == "process"


def test_a_task_that_only_its_jobs_or_workers_know_can_be_paused(client, hand, submit):
    client.send("POST", "/api/tasks/unheard_of/pause/").problem(404, "task-not-found")
    submit(task="unheard_of")
    assert post(client, "/api/tasks/unheard_of/pause/")["changed"]
    assert hand.finds_nothing()
    hand.renew()
    assert post(client, "/api/tasks/other/pause/")["changed"]
    assert not post(client, "/api/tasks/other/pause/")["changed"]


def test_pausing_works_with_post_alone_and_hides_no_status(client, submit, platform):
    client.get("/api/tasks/process/pause/").problem(405, "method-not-allowed")
    client.get("/api/queues/celery/pause/").problem(405, "method-not-allowed")
    client.get("/api/tasks/status/pause/").problem(404, "job-not-found")
    platform.ledger.submit(a_job("pause"))
    assert client.get("/api/tasks/status/pause/").json()["task_id"] == "pause"


# Dead letters


def test_dead_letters_are_the_failed_jobs_the_latest_first_with_their_errors(client, hand, submit, fail):
    first, second = fail(), fail("OSError", task="other")
    submit()
    hand.succeed(hand.claim())
    told = client.get(DEAD).json()
    assert [(job["task_id"], job["error"], job["message"]) for job in told["jobs"]] == [
        (second, "OSError", "why: OSError"), (first, "ValueError", "why: ValueError"),
    ]  # fmt: skip
    assert told["next"] is None


@pytest.mark.parametrize(
    ("query", "wanted"),
    [("task=other", {1, 2}), ("error=OSError", {1, 3}), ("task=other&error=OSError", {1})],
)
def test_dead_letters_are_filtered_by_task_and_error(client, fail, query, wanted):
    jobs = [
        fail(), fail("OSError", task="other"), fail(task="other"), fail("OSError"),
    ]  # fmt: skip
    assert {job["task_id"] for job in client.get(f"{DEAD}?{query}").json()["jobs"]} == {
        jobs[number] for number in wanted
    }
    assert post(client, f"{DEAD}redrive/?{query}") == {"done": len(wanted), "skipped": 0, "next": None}
    assert len(client.get(DEAD).json()["jobs"]) == 4 - len(wanted)


def test_a_job_whose_last_process_was_lost_is_a_dead_letter_of_that_error(platform, client, hand, submit):
    submit()
    for number in range(3):
        with a_hand(platform.settings, name=f"victim {number}") as victim:
            victim.claim()
            platform.ledger.release("killed", [victim.name])
    (letter,) = client.get(f"{DEAD}?error=WorkerLostError").json()["jobs"]
    assert letter["message"].startswith("Lost 3 attempts")


def test_dead_letters_come_in_pages(client, fail):
    jobs = [fail() for _ in range(5)]
    first = client.get(f"{DEAD}?limit=3").json()
    second = client.get(f"{DEAD}?limit=3&cursor={first['next']}").json()
    assert [job["task_id"] for page in (first, second) for job in page["jobs"]] == jobs[::-1]


@pytest.mark.parametrize("path", [f"{DEAD}redrive/", f"{DEAD}discard/", "/api/jobs/cancel/"])
@pytest.mark.parametrize("query", ["", "all=false", "all=true&task=process", "al=true", "cursor=x"])
def test_nothing_is_done_to_many_without_a_filter_or_all(platform, client, fail, submit, path, query):
    failed, waiting = fail(), submit()
    client.send("POST", f"{path}?{query}").problem(422, "parameters-invalid")
    assert (platform.state(failed), platform.state(waiting)) == (State.FAILURE, State.PENDING)


def test_thousands_of_dead_letters_run_again_in_bounded_pieces(platform, client, fail):
    jobs = {fail() for _ in range(1230)}
    assert all_of(client, f"{DEAD}redrive/") == (1230, 0, 2)
    counts = platform.counts()
    assert (counts.waiting, counts.redriven, counts.gap) == (1230, 1230, 0)
    assert {platform.state(job) for job in jobs} == {State.PENDING}


def test_jobs_that_fail_again_at_once_are_redriven_once(platform, client, hand, fail):
    for _ in range(1050):
        fail()
    told = post(client, f"{DEAD}redrive/?all=true")
    assert told["done"] == 1000
    for _ in range(1000):
        hand.fail(hand.claim())
    assert post(client, f"{DEAD}redrive/?all=true&cursor={told['next']}") == {
        "done": 50, "skipped": 0, "next": None,
    }  # fmt: skip


def test_discarded_dead_letters_are_gone_and_the_others_stay(client, fail):
    gone = {fail("OSError") for _ in range(3)}
    kept = {fail() for _ in range(2)}
    assert post(client, f"{DEAD}discard/?error=OSError")["done"] == 3
    for task_id in gone:
        client.get(f"/api/tasks/status/{task_id}/").problem(410, "job-gone")
    assert {job["task_id"] for job in client.get(DEAD).json()["jobs"]} == kept


# Cancel many


def test_all_unfinished_jobs_can_be_cancelled_in_pieces_though_they_are_due_at_one_instant(
    platform, client, hand, submit
):
    at = datetime.now(UTC) + timedelta(hours=1)
    jobs = {submit(queue=f"q{number % 2}", due=at) for number in range(1100)}
    jobs |= {submit() for _ in range(5)}
    running = hand.claim().id
    assert all_of(client, "/api/jobs/cancel/")[:2] == (1105, 0)
    assert {platform.state(job) for job in jobs - {running}} == {State.REVOKED}
    assert list(platform.ledger.cancels()) == [running]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [("queue=a", {0, 1}), ("task=other", {1, 2}), ("key=k", {2}), ("queue=a&task=other", {1}),
     ("status=STARTED", {3}), ("status=PENDING,RETRY", {0, 1, 2})],
)  # fmt: skip
def test_the_jobs_that_a_filter_means_are_cancelled(platform, client, hand, submit, query, wanted):
    running = submit(queue="c")
    hand.claim("c")
    jobs = [submit(queue="a"), submit(queue="a", task="other"), submit(task="other", key="k"), running]
    assert post(client, f"/api/jobs/cancel/?{query}") == {"done": len(wanted), "skipped": 0, "next": None}
    cancelled = {job for job in jobs if platform.state(job) is State.REVOKED} | set(platform.ledger.cancels())
    assert cancelled == {jobs[number] for number in wanted}


def test_ended_jobs_cannot_be_meant_by_a_cancel(client):
    problem = client.send("POST", "/api/jobs/cancel/?status=FAILURE").problem(422, "parameters-invalid")
    assert "PENDING" in problem["detail"]
