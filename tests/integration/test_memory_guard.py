"""Redis close to its `maxmemory`, and then at it: no more is accepted, and what was accepted still ends."""

import json
from itertools import batched

import pytest
from redis.exceptions import OutOfMemoryError

from jobs.errors import LedgerFull
from tests.client import HELLO, PROCESS, Client
from tests.redises import SERVERS
from tests.servers import running_api
from tests.workers import Platform, eventually, running_worker, started, witness

ROOM = 20 * 2**20
BULKY = json.dumps({"value": "x" * 2000})


@pytest.fixture(params=SERVERS)
def server(request):
    with SERVERS[request.param]() as server:
        used = int(server.raw.info("memory")["used_memory"])
        server.raw.config_set("maxmemory-policy", "noeviction")
        server.raw.config_set("maxmemory", used + ROOM)
        yield server


@pytest.fixture
def platform(server):
    client = Platform(server.url)
    yield client
    client.close()


def fill(platform):
    """Submit until no more is accepted; gives the ids, and the refusal."""
    jobs = []
    while True:
        try:
            jobs.append(platform.submit("echo", BULKY, queue="nobody"))
        except LedgerFull as error:
            return jobs, str(error)


def fill_to_the_brim(server):
    """Let Redis refuse whatever it may refuse; gives the keys that fill it."""
    keys: list[str] = []
    try:
        while len(keys) < 1000:
            server.raw.set(f"ballast-{len(keys)}", "x" * 2**15)
            keys.append(f"ballast-{len(keys)}")
    except OutOfMemoryError:
        return keys
    raise AssertionError("there is no end to its memory")


def test_submits_are_refused_before_redis_is_full_and_what_was_accepted_ends_all_the_same(
    server, platform, tmp_path
):
    with running_api(server.url, WEB_CONCURRENCY="1") as url, running_worker(server.url, concurrency=1):
        client = Client(url)
        assert client.post(PROCESS, HELLO).status == 202
        running = witness(platform, tmp_path / "w", wait_for=tmp_path / "go")
        started(tmp_path / "w")
        waiting = [platform.submit("echo", '{"value": 1}') for _ in range(200)]
        bulk, refusal = fill(platform)
        memory = server.raw.info("memory")
        assert "close to its maxmemory" in refusal
        assert 0.85 < memory["used_memory"] / memory["maxmemory"] < 1
        client.post(PROCESS, HELLO).problem(429, "ledger-full")
        ballast = fill_to_the_brim(server)
        (tmp_path / "go").touch()
        assert platform.value(running) == 1
        assert {platform.value(job) for job in waiting} == {1}
        client.post(PROCESS, HELLO).problem(429, "ledger-full")
        server.raw.delete(*ballast)
        for some in batched(bulk[: len(bulk) // 2], 200, strict=False):
            platform.ledger.cancel(some)
            platform.ledger.discard(some)
        eventually(lambda: client.post(PROCESS, HELLO).status == 202, 5, "submits to be accepted again")
        assert platform.value(platform.submit("echo", '{"value": 2}')) == 2
        assert [platform.counts(queue).gap for queue in ("celery", "nobody")] == [0, 0]
