"""What a submit over HTTP may say of its job, and what it is told when the job is there already."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.client import HELLO, PROCESS, Client
from tests.servers import running_api, running_valkey
from tests.workers import PROBES, Platform

SHORT = '{"short": {"max_length": 2}}'


@pytest.fixture(scope="module")
def url():
    with (
        running_valkey() as valkey,
        running_api(valkey.url, **PROBES, JOBS_QUEUES=SHORT) as api,
    ):
        yield api, valkey.url


@pytest.fixture
def client(url):
    return Client(url[0])


@pytest.fixture
def ledger(url):
    platform = Platform(url[1])
    yield platform.ledger
    platform.close()


def once(client, key, body=HELLO, path=PROCESS):
    return client.send("POST", path, body, {"Idempotency-Key": key})


def accepted(answer):
    assert answer.status == 202, answer.body
    assert list(answer.json()) == ["task_id"]
    return answer.json()["task_id"]


def detail(client, task_id):
    return client.get(f"/api/jobs/{task_id}/").json()


def all_accepted(ledger):
    return sum(ledger.counts(queue).accepted for queue in ledger.queues())


def test_every_option_of_a_submit_is_told_by_its_job(client):
    before = datetime.now(UTC)
    query = "delay=300&expires=600&priority=7&key=a%20b&max_attempts=4&queue=sp%C3%A4te%20post"
    told = detail(client, accepted(client.post(f"{PROCESS}?{query}", HELLO)))
    expected = {
        "priority": 7, "key": "a b", "max_attempts": 4, "queue": "späte post", "status": "PENDING",
        "waits_for": "time",
    }  # fmt: skip
    assert {name: told[name] for name in expected} == expected
    for name, seconds in (("due_at", 300), ("expires_at", 600)):
        ahead = datetime.fromisoformat(told[name]) - before
        assert timedelta(seconds=seconds - 1) < ahead < timedelta(seconds=seconds + 10)


def test_a_job_may_be_submitted_for_an_instant(client):
    at = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)
    task_id = accepted(client.post(f"{PROCESS}?run_at={at.isoformat().replace('+', '%2B')}", HELLO))
    assert datetime.fromisoformat(detail(client, task_id)["due_at"]) == at


@pytest.mark.parametrize("at", ["1815-12-10T00:00:00Z", "0001-01-01T00:00:00%2B23:00"])
def test_a_job_for_an_instant_that_has_passed_is_ready_at_once(client, at):
    told = detail(client, accepted(client.post(f"{PROCESS}?run_at={at}", HELLO)))
    assert (told["waits_for"], told["due_at"]) == ("worker", None)


@pytest.mark.parametrize(
    ("query", "named"),
    [("dealy=5", "dealy"), ("delay=-1", "delay"), ("priority=10", "priority"), ("run_at=now", "run_at"),
     ("delay=1&delay=2", "delay"), ("max_attempts=", "max_attempts"), ("queue=a%0Ab", "queue")],
)  # fmt: skip
def test_a_parameter_that_is_unknown_or_does_not_fit_is_refused_and_nothing_is_stored(
    client, ledger, query, named
):
    before = all_accepted(ledger)
    problem = client.post(f"{PROCESS}?{query}", HELLO).problem(422, "parameters-invalid")
    assert [error["loc"] for error in problem["errors"]] == [[named]]
    assert named in problem["detail"]
    assert all_accepted(ledger) == before


def test_the_same_idempotency_key_gives_the_same_job(client):
    first, second = once(client, "order 1"), once(client, "order 1")
    assert accepted(first) == accepted(second)
    assert (first.headers["Idempotent-Replayed"], second.headers["Idempotent-Replayed"]) == (None, "true")
    assert first.headers["Location"] == second.headers["Location"]


def test_a_hundred_submits_at_once_with_one_idempotency_key_make_one_job(client, ledger):
    before = all_accepted(ledger)
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: once(client, "at once"), range(100)))
    assert len({accepted(answer) for answer in answers}) == 1
    assert sum(answer.headers["Idempotent-Replayed"] is None for answer in answers) == 1
    assert all_accepted(ledger) == before + 1


@pytest.mark.parametrize(
    ("path", "body"), [(PROCESS, b'{"data": "other"}'), ("/api/tasks/echo/", b'{"value": "hello"}')]
)
def test_an_idempotency_key_with_another_body_or_task_is_a_conflict_and_stores_nothing(
    client, ledger, path, body
):
    first = accepted(once(client, "conflicting"))
    before = all_accepted(ledger)
    problem = once(client, "conflicting", body, path).problem(409, "idempotency-conflict")
    assert first in problem["detail"]
    assert all_accepted(ledger) == before


def test_the_same_arguments_spelled_otherwise_are_the_same(client):
    assert accepted(once(client, "spelled")) == accepted(once(client, "spelled", b'{ "data" :"hello"}'))


def test_arguments_that_do_not_fit_win_over_a_conflict(client):
    accepted(once(client, "misfit"))
    once(client, "misfit", b'{"data": 1}').problem(422, "arguments-invalid")
    client.post("/api/tasks/only_one_refused/", b'{"account": 3}')
    client.post("/api/tasks/only_one_refused/", b'{"account": "x"}').problem(422, "arguments-invalid")


def test_a_malformed_idempotency_key_is_refused(client):
    for key in ("x" * 256, "schlüssel"):
        problem = once(client, key).problem(422, "parameters-invalid")
        assert problem["errors"][0]["loc"] == ["Idempotency-Key"]


def test_a_task_that_is_unique_gives_the_first_job(client):
    path = "/api/tasks/only_one/"
    first, second = client.post(path, b'{"account": 1}'), client.post(path, b'{"account": 1}')
    assert accepted(first) == accepted(second)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert accepted(client.post(path, b'{"account": 2}')) != accepted(first)


def test_a_task_that_is_unique_may_refuse_a_second_job(client, ledger):
    path = "/api/tasks/only_one_refused/"
    first = accepted(client.post(path, b'{"account": 1}'))
    before = all_accepted(ledger)
    problem = client.post(path, b'{"account": 1, "note": "again"}').problem(409, "not-unique")
    assert first in problem["detail"]
    assert all_accepted(ledger) == before
    client.post(f"/api/jobs/{first}/cancel/", b"")
    assert accepted(client.post(path, b'{"account": 1}')) != first


def test_a_queue_at_its_length_refuses_with_a_time_to_wait_and_stores_nothing(client, ledger):
    full = f"{PROCESS}?queue=short"
    for _ in range(2):
        accepted(client.post(full, HELLO))
    answer = client.post(full, HELLO)
    answer.problem(429, "queue-full")
    assert int(answer.headers["Retry-After"]) > 0
    assert ledger.counts("short").accepted == 2


def test_the_catalogue_shows_a_tasks_options(client):
    tasks = {task["name"]: task["options"] for task in client.get("/api/tasks/").json()["tasks"]}
    expected = {
        "key": ["customer", "order.number"], "rate": "10/s", "retry_on": ["OSError"], "max_attempts": 3,
        "unique": False, "max_running": None, "retry_max_delay_seconds": 3600.0,
    }  # fmt: skip
    assert {name: tasks["told_of"][name] for name in expected} == expected
    refused = tasks["only_one_refused"]
    assert (refused["unique"], refused["unique_conflict"]) == (["account"], "refuse")
