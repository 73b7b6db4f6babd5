"""The API while Redis is away, and when it is back."""

import time
from collections.abc import Iterator

import pytest

from tests.client import HELLO, PROCESS, Client
from tests.servers import Valkey, running_api, running_valkey


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with running_valkey() as valkey:
        yield valkey


@pytest.fixture
def client(valkey: Valkey) -> Iterator[Client]:
    with running_api(valkey.url, WEB_CONCURRENCY="1") as url:
        yield Client(url)


@pytest.mark.parametrize(("leave", "come_back"), [(Valkey.kill, Valkey.start), (Valkey.pause, Valkey.resume)])
def test_while_redis_is_away_the_api_says_so_within_two_seconds_and_then_goes_on(
    client, valkey, leave, come_back
):
    assert client.post(PROCESS, HELLO).status == 202
    leave(valkey)
    for ask in (
        lambda: client.post(PROCESS, HELLO),
        lambda: client.get("/api/tasks/status/x/"),
        lambda: client.get("/api/jobs/x/"),
        lambda: client.get("/api/jobs/"),
        lambda: client.get("/api/queues/"),
        lambda: client.send("POST", "/api/jobs/x/cancel/"),
        lambda: client.send("POST", "/api/jobs/cancel/?all=true"),
        lambda: client.get("/readyz"),
    ):
        started = time.monotonic()
        answer = ask()
        assert time.monotonic() - started < 2
        answer.problem(503, "ledger-unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/livez").status == 200
    come_back(valkey)
    assert client.get("/readyz").status == 200
    assert client.post(PROCESS, HELLO).status == 202
