"""What Flower shows of workers, and what its buttons do to them, by its own API."""

import re
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.client import Answer, Client
from tests.integration.test_flower import running_flower
from tests.workers import PROBES, Platform, Worker, eventually, running_worker, started, witness


@pytest.fixture(scope="module")
def flower(valkey) -> Iterator[Client]:
    with running_flower(valkey.url, FLOWER_UNAUTHENTICATED_API="1", **PROBES) as client:
        yield client


@contextmanager
def serving(valkey: Any, flower: Client, **more: Any) -> Iterator[tuple[Worker, str]]:
    """A worker that Flower has found, and its name."""
    with running_worker(valkey.url, DATABASE_URL="none", **more) as worker:
        found = re.search(r"(\w+@test) ready", worker.log)
        assert found
        name = found[1]
        eventually(lambda: name in flower.get("/api/workers?refresh=1").json(), 60, "Flower to find it")
        yield worker, name


@pytest.fixture(scope="module")
def one(valkey, flower) -> Iterator[str]:
    """The name of a worker of two processes."""
    with serving(valkey, flower, concurrency=2) as (_, name):
        yield name


def look(flower: Client, name: str) -> dict[str, Any]:
    return dict(flower.get(f"/api/workers?refresh=1&workername={name}").json()[name])


def press(flower: Client, path: str, **told: Any) -> Answer:
    return flower.post(f"/api/{path}", urllib.parse.urlencode(told).encode())


def counts(flower: Client, name: str) -> dict[str, Any]:
    """The row of a worker in the Workers page."""
    rows = flower.get("/workers?json=1").json()["data"]
    return next((each for each in rows if each["hostname"] == name), {})


def test_a_workers_page_and_numbers_are_of_jobs(platform: Platform, valkey, flower, tmp_path):
    with serving(valkey, flower, queues="own", options=("-E",)) as (_, name):
        for _ in range(2):
            platform.value(platform.submit("add", '{"x": 1, "y": 2}', queue="own"))
        platform.result(platform.submit("fail", '{"message": "x"}', queue="own"))
        runs = witness(platform, tmp_path / "w", wait_for=tmp_path / "go", queue="own")
        started(tmp_path / "w")
        told = look(flower, name)
        assert told["stats"]["total"] == {"add": 2, "fail": 1}
        shown = [(each["id"], each["name"], each["kwargs"]) for each in told["active"]]
        assert shown == [(runs, "witness", None)]
        assert told["reserved"] == told["scheduled"] == []
        assert not [each for each in told["registered"] if "ring" in each]
        eventually(lambda: counts(flower, name).get("active") == 1)
        assert counts(flower, name)["processed"] == 3
        assert flower.get(f"/worker/{name}").status == 200
        (tmp_path / "go").touch()
        platform.value(runs)
        eventually(lambda: counts(flower, name)["processed"] == 4)
        eventually(lambda: counts(flower, name).get("task-succeeded") == 3)
        assert counts(flower, name)["task-received"] == 4  # each attempt once, also the long one
        assert counts(flower, name)["task-failed"] == 1


def test_a_rate_holds_for_the_cluster_until_it_is_taken_away(platform: Platform, valkey, flower, one):
    answer = press(flower, "task/rate-limit/echo", workername=one, ratelimit="1/h")
    assert (answer.status, b"all workers" in answer.body) == (200, True)
    with running_worker(valkey.url, DATABASE_URL="none"):  # of the same release: it changes nothing
        jobs = [platform.submit("echo", '{"value": 1}') for _ in range(4)]

        def waits() -> list[str]:
            told = [flower.get(f"/api/task/info/{job}").json() for job in jobs]
            return sorted(f"{each['state']} {each['waits_for']}" for each in told)

        eventually(lambda: waits() == [*(["PENDING limit"] * 3), "SUCCESS None"])
        assert press(flower, "task/rate-limit/echo", workername=one, ratelimit="x").status == 403
        assert press(flower, "task/rate-limit/echo", workername=one, ratelimit="code").status == 200
        for job in jobs:
            platform.value(job)


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_time_limit_holds_for_the_attempts_that_come(platform: Platform, valkey, flower, tmp_path, pool):
    with serving(valkey, flower, pool=pool, concurrency=1, queues="own") as (_, name):
        platform.value(platform.submit("echo", '{"value": 1}', queue="own"))  # its process is there before
        assert press(flower, "task/timeout/witness", workername=name, soft=0.5).status == 200
        late = witness(platform, tmp_path / "a", wait_for=tmp_path / "never", queue="own")
        assert platform.result(late)["result"]["exc_type"] == "SoftTimeLimitExceeded"
        refused = press(flower, "task/timeout/witness", workername=name, hard=0.4)
        assert (refused.status, b"less than" in refused.body) == (403, True)
        assert press(flower, "task/timeout/witness", workername=name, soft=0, hard=0.6).status == 200
        late = witness(platform, tmp_path / "b", wait_for=tmp_path / "never", queue="own")
        assert platform.result(late)["result"]["exc_type"] == "TimeLimitExceeded"
        calls = [(f"worker/pool/restart/{name}", {}), (f"worker/pool/autoscale/{name}", {"min": 1, "max": 3})]
        if pool == "threads":
            calls += [(f"worker/pool/grow/{name}", {"n": 1}), (f"worker/pool/shrink/{name}", {"n": 1})]
        for path, told in calls:  # what this pool cannot do
            answer = press(flower, path, **told)
            assert (answer.status, b"Failed to" in answer.body) == (403, True), (path, answer)


def test_a_pool_grows_and_shrinks_by_processes_that_work(platform: Platform, valkey, flower, tmp_path):
    with serving(valkey, flower, concurrency=1, queues="own") as (_, name):
        first = witness(platform, tmp_path / "a", wait_for=tmp_path / "go", queue="own")
        started(tmp_path / "a")
        assert press(flower, f"worker/pool/grow/{name}", n=1).status == 200
        second = witness(platform, tmp_path / "b", wait_for=tmp_path / "go", queue="own")
        started(tmp_path / "b")
        busy = press(flower, f"worker/pool/shrink/{name}", n=1)
        assert (busy.status, b"busy" in busy.body) == (403, True)
        assert look(flower, name)["stats"]["pool"]["max-concurrency"] == 2
        (tmp_path / "go").touch()
        platform.value(first)
        platform.value(second)
        eventually(lambda: press(flower, f"worker/pool/shrink/{name}", n=1).status == 200)
        eventually(lambda: len(look(flower, name)["stats"]["pool"]["processes"]) == 1)
        platform.value(platform.submit("add", '{"x": 1, "y": 2}', queue="own"))


def test_a_worker_takes_up_a_queue_and_leaves_it(platform: Platform, flower, one):
    job = platform.submit("echo", '{"value": 1}', queue="more")
    assert press(flower, f"worker/queue/add-consumer/{one}", queue="more").status == 200
    platform.value(job)
    assert press(flower, f"worker/queue/cancel-consumer/{one}", queue="more").status == 200
    assert [each["name"] for each in look(flower, one)["active_queues"]] == ["celery"]


def test_a_worker_that_is_shut_down_ends_what_runs_and_leaves_the_rest(
    platform: Platform, valkey, flower, tmp_path
):
    with serving(valkey, flower, concurrency=1, queues="own") as (worker, name):
        runs = witness(platform, tmp_path / "w", wait_for=tmp_path / "go", queue="own")
        started(tmp_path / "w")
        waits = platform.submit("echo", '{"value": 1}', queue="own")
        assert press(flower, f"worker/shutdown/{name}").status == 200
        eventually(lambda: "worker.stopping" in worker.log)
        (tmp_path / "go").touch()
        assert worker.process.wait(30) == 0
        assert platform.value(runs) == 1
        assert platform.state(waits) == "PENDING"
    platform.ledger.cancel([waits])
