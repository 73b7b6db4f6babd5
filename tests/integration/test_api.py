"""The API over HTTP, served by a real gunicorn on a real Valkey."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import redis

from tests.client import FORM, HELLO, PROCESS, Client
from tests.servers import running_api

MIB = 1024 * 1024


@pytest.fixture
def client(api: str) -> Client:
    return Client(api)


@pytest.fixture
def records(valkey_url: str) -> Iterator["Records"]:
    with redis.Redis.from_url(valkey_url) as connection:
        yield Records(connection)


class Records:
    """The jobs of the ledger, to compare."""

    def __init__(self, connection: "redis.Redis") -> None:
        self._redis = connection
        self._before = self.now()

    def now(self) -> set[bytes]:
        return set(self._redis.scan_iter("tb:job:*"))

    def are_unchanged(self) -> bool:
        return self.now() == self._before


# The two calls


def test_a_submit_is_accepted_and_its_job_is_pending(client):
    accepted = client.post(PROCESS, HELLO)
    assert accepted.status == 202
    assert list(accepted.json()) == ["task_id"]
    status = client.get(f"/api/tasks/status/{accepted.json()['task_id']}/")
    assert status.status == 200
    assert status.json() == accepted.json() | {"status": "PENDING", "result": None}


@pytest.mark.parametrize(
    "content_type",
    ["application/json", FORM, "multipart/form-data; boundary=x", "text/plain; charset=utf-16"],
)
def test_a_body_is_read_as_json_whatever_it_is_called(client, content_type):
    assert client.post(PROCESS, HELLO, content_type).status == 202


def test_a_body_needs_no_content_type(client):
    assert client.send("POST", PROCESS, HELLO).status == 202


def test_a_body_may_come_in_chunks_without_a_length(client):
    assert client.post(PROCESS, iter([b'{"data": ', b'"hello"}'])).status == 202


def test_the_last_slash_may_be_forgotten(client):
    accepted = client.post(PROCESS.rstrip("/"), HELLO)
    assert accepted.status == 202
    assert client.get(accepted.headers["Location"].rstrip("/")).json()["status"] == "PENDING"


# Bad input: a precise problem, and nothing stored


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "EOF"),
        (b"{", "line 1 column 1"),
        (b"data=hello", "expected value"),
        (b'{"data": "hello"} x', "trailing characters"),
        (b"{'data': 'hello'}", "key must be a string"),
        (b'{"data": "\xff"}', "invalid unicode"),
        (b"\xff\xfe{\x00}\x00", "line 1 column 1"),
    ],
)
def test_a_body_that_is_no_json_is_malformed_and_stores_nothing(client, records, body, detail):
    problem = client.post(PROCESS, body).problem(400, "body-malformed")
    assert detail in str(problem["detail"])
    assert records.are_unchanged()


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (PROCESS, b"[1]", []),
        (PROCESS, b"null", []),
        (PROCESS, b'"hello"', []),
        (PROCESS, b"{}", ["data"]),
        (PROCESS, b'{"data": 1}', ["data"]),
        (PROCESS, b'{"data": null}', ["data"]),
        (PROCESS, b'{"data": NaN}', ["data"]),
        (PROCESS, b'{"data": ["hello"]}', ["data"]),
        (PROCESS, b'{"data": "hello", "more": 1}', ["more"]),
        ("/api/tasks/count_words/", b'{"text": "a", "minimum_count": 0}', ["minimum_count"]),
        ("/api/tasks/count_words/", b'{"text": "a", "minimum_count": 1e999}', ["minimum_count"]),
        ("/api/tasks/count_words/", b'{"text": "a", "minimum_count": NaN}', ["minimum_count"]),
        ("/api/tasks/resize_image/", b'{"image": "?", "width": 1, "height": 1}', ["image"]),
        ("/api/tasks/digest_texts/", b'{"texts": ["a", 2]}', ["texts", 1]),
    ],
)
def test_arguments_that_do_not_fit_name_their_field_and_store_nothing(client, records, path, body, field):
    problem = client.post(path, body).problem(422, "arguments-invalid")
    assert [error["loc"] for error in problem["errors"]] == [field]
    assert ".".join(map(str, field)) in problem["detail"]
    assert records.are_unchanged()


def test_every_field_at_fault_is_named(client):
    problem = client.post(PROCESS, b'{"x": 1, "y": 2}').problem(422, "arguments-invalid")
    assert [error["loc"] for error in problem["errors"]] == [["data"], ["x"], ["y"]]


def in_chunks(size: int) -> Iterator[bytes]:
    yield b'{"data": "'
    for _ in range(size // (64 * 1024)):
        yield b"x" * 64 * 1024
    yield b'"}'


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_20_mib_is_too_large_and_stores_nothing(client, records, chunked):
    body = in_chunks(20 * MIB) if chunked else b"".join(in_chunks(20 * MIB))
    client.post(PROCESS, body).problem(413, "body-too-large")
    assert records.are_unchanged()


def test_a_body_within_the_limit_is_accepted_however_large(client):
    assert client.post(PROCESS, b"".join(in_chunks(9 * MIB))).status == 202


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 100\r\n\r\n" + HELLO,
        b"Transfer-Encoding: chunked\r\n\r\n11\r\n" + HELLO,
        b"Transfer-Encoding: chunked\r\n\r\nx\r\n",
    ],
)
def test_a_body_that_breaks_off_is_malformed_and_stores_nothing(api, records, head):
    with socket.create_connection((urlsplit(api).hostname, urlsplit(api).port), timeout=20) as raw:
        raw.sendall(b"POST " + PROCESS.encode() + b" HTTP/1.1\r\nHost: x\r\n" + head)
        raw.shutdown(socket.SHUT_WR)
        assert raw.makefile("rb").readline().startswith(b"HTTP/1.1 400 ")
    assert records.are_unchanged()


@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
@pytest.mark.parametrize("name", ["nope", "nope/", "a/b/", "%00/", "process/x"])
def test_an_unknown_task_is_not_found(client, records, method, name):
    client.send(method, f"/api/tasks/{name}", HELLO).problem(404, "task-not-found")
    assert records.are_unchanged()


@pytest.mark.parametrize("task_id", ["never-issued", "a%2Fb", "%00", "a%1Fb", "x" * 256, "%ff", "%20"])
@pytest.mark.parametrize("path", ["/api/tasks/status/{}/", "/api/jobs/{}/", "/api/jobs/{}/result/"])
def test_an_unknown_or_malformed_id_is_not_found(client, path, task_id):
    client.get(path.format(task_id)).problem(404, "job-not-found")


@pytest.mark.parametrize("path", ["/api/tasks/status/", "/api/tasks/status"])
def test_a_missing_id_is_not_found(client, path):
    client.get(path).problem(404, "job-not-found")


# What else is answered with a problem


@pytest.mark.parametrize("path", ["/", "/nope", "/api", "/api/nope/", "/api/docs/nope.js", "/admin/"])
def test_a_path_that_is_not_there_is_a_problem(client, path):
    client.get(path).problem(404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", PROCESS, {"POST"}),
        ("DELETE", PROCESS, {"POST"}),
        ("OPTIONS", PROCESS, {"POST"}),
        ("POST", "/api/tasks/", {"GET", "HEAD"}),
        ("POST", "/api/tasks/status/x/", {"GET", "HEAD"}),
        ("PUT", "/livez", {"GET", "HEAD"}),
    ],
)
def test_a_wrong_method_is_told_which_ones_work(client, method, path, allowed):
    answer = client.send(method, path)
    answer.problem(405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("debug", ["0", "1"])
def test_debug_changes_no_error(valkey_url, debug):
    with running_api(valkey_url, DEBUG=debug, WEB_CONCURRENCY="1") as url:
        Client(url).get("/nope").problem(404, "not-found")
        Client(url).get("/").problem(404, "not-found")


def test_head_answers_as_get_without_a_body(client):
    got, asked = client.get("/livez"), client.send("HEAD", "/livez")
    assert (asked.status, asked.body) == (200, b"")
    assert asked.headers["Content-Length"] == got.headers["Content-Length"] == str(len(got.body))


# The jobs


def test_a_job_without_a_stored_result_says_so(client):
    task_id = client.post(PROCESS, HELLO).json()["task_id"]
    client.get(f"/api/jobs/{task_id}/result/").problem(404, "result-not-stored")


def test_the_detail_of_a_waiting_job_says_what_it_waits_for(client):
    task_id = client.post(PROCESS, HELLO).json()["task_id"]
    detail = client.get(f"/api/jobs/{task_id}/").json()
    expected = {
        "task": "process",
        "queue": "celery",
        "status": "PENDING",
        "waits_for": "worker",
        "attempt": 0,
    }
    assert {name: detail[name] for name in expected} == expected
