"""Flower, by its literal command: who may in, and what it shows."""

import base64
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from jobs.chaos.processes import free_port
from tests.client import Client
from tests.servers import APP, Running, environment
from tests.workers import CELERY, eventually, running_worker, started, witness


@contextmanager
def running_flower(redis_url: str, **env: str) -> Iterator[Client]:
    """`celery -A djangoNinja flower`, that listens."""
    port = free_port()
    full = environment(redis_url, FLOWER_PORT=str(port), PYTHONUNBUFFERED="1") | env
    flower = Running([CELERY, "-A", "djangoNinja", "flower"], "Visit me at", full)
    try:
        flower.wait_ready()
        yield Client(f"http://127.0.0.1:{port}")
    finally:
        flower.end()


def by(user: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}


def shows_the_worker_and_what_waits(flower: Client, queue: str, waiting: int, **headers: str) -> bool:
    """Whether Flower has found a worker, and tells what waits in its queue."""
    workers = flower.get("/api/workers?refresh=1", **headers)
    told = flower.get("/api/queues/length", **headers)
    return (
        workers.status == told.status == 200
        and len(workers.json()) == 1
        and [(each["name"], each["messages"]) for each in told.json()["active_queues"]] == [(queue, waiting)]
    )


def test_flower_lets_in_who_stands_in_its_file_and_shows_what_waits(platform, valkey, tmp_path):
    (tmp_path / "users").write_text("me:secret\nyou:word\n")
    users = {"FLOWER_BASIC_AUTH_FILE": f"{tmp_path}/users"}
    with running_worker(valkey.url, concurrency=1) as worker, running_flower(valkey.url, **users) as flower:
        witness(platform, tmp_path / "w", wait_for=tmp_path / "go")
        started(tmp_path / "w")
        for _ in range(3):
            platform.submit("echo", '{"value": 1}')
        for path in ("/", "/workers", "/broker", "/api/workers"):
            assert flower.get(path).status == 401
            assert flower.get(path, **by("me:wrong")).status == 401
        assert flower.get("/workers", **by("you:word")).status == 200
        assert flower.get("/healthcheck").status == 200
        eventually(lambda: shows_the_worker_and_what_waits(flower, "celery", 3, **by("me:secret")))
        assert b"Broker" in flower.get("/broker", **by("me:secret")).body
        (tmp_path / "go").touch()
        assert worker.process.poll() is None


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_flower_shows_each_job_from_its_start_to_its_end(platform, valkey, tmp_path, pool):
    env = {"FLOWER_UNAUTHENTICATED_API": "1"}
    with running_worker(valkey.url, pool=pool), running_flower(valkey.url, **env) as flower:

        def shown(job: str) -> dict[str, Any]:
            told = flower.get(f"/api/task/info/{job}")
            return dict(told.json()) if told.status == 200 else {}

        def ended(job: str, state: str) -> dict[str, Any]:
            eventually(lambda: shown(job).get("state") == state)
            return shown(job)

        def has_some() -> bool:
            platform.submit("echo", '{"value": "secret"}')
            return bool(flower.get("/api/tasks").json())

        eventually(has_some, 30, "Flower to have asked for events")
        runs = witness(platform, tmp_path / "w", wait_for=tmp_path / "go")
        eventually(lambda: shown(runs).get("state") == "STARTED")
        fails = platform.submit("fail", '{"message": "no such order"}')
        failed = ended(fails, "FAILURE")
        assert (failed["name"], failed["exception"]) == ("fail", "ValueError: no such order")
        assert "no such order" in failed["traceback"]
        (tmp_path / "go").touch()
        done = ended(runs, "SUCCESS")
        assert done["name"] == "witness"
        assert done["runtime"] > 0
        assert done["worker"].startswith("test@") or done["worker"].endswith("@test")
        assert (done["args"], done["kwargs"], done["result"]) == (None, None, "1")
        assert (done["attempt"], done["queue"]) == (1, "celery")
        many = [platform.submit("echo", '{"value": "secret"}') for _ in range(2_000)]
        eventually(lambda: {shown(job).get("state") for job in (many[0], many[999], many[-1])} == {"SUCCESS"})
        assert b"secret" not in flower.get("/api/tasks?limit=5000").body


def test_nobody_is_told_of_jobs_until_somebody_asks(platform, valkey):
    with closing(redis.Redis.from_url(valkey.url)) as client, client.pubsub() as listener:
        listener.psubscribe("*celeryev/task*")
        with running_worker(valkey.url, concurrency=1):
            platform.value(platform.submit("echo", '{"value": 1}'))
            platform.celery.control.enable_events()
            eventually(
                lambda: (platform.value(platform.submit("echo", '{"value": 2}')), listener.get_message())[1]
            )


@pytest.mark.parametrize(
    ("content", "more", "words"),
    [
        ("nobody\n", {}, ["FLOWER_BASIC_AUTH_FILE: ", "user:password"]),
        ("", {}, ["FLOWER_BASIC_AUTH_FILE: ", "is empty"]),
        ("a:b", {"FLOWER_BASIC_AUTH": "a:b"}, ["FLOWER_BASIC_AUTH: ", "one of them"]),
    ],
)
def test_who_may_in_is_said_once_and_in_full(content, more, words, tmp_path: Path):
    (tmp_path / "users").write_text(content)
    env = environment("redis://127.0.0.1:1/0", FLOWER_BASIC_AUTH_FILE=f"{tmp_path}/users", **more)
    command = [CELERY, "-A", "djangoNinja", "flower"]
    ended = subprocess.run(command, cwd=APP, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert all(word in ended.stderr for word in words), ended.stderr
    assert ended.stderr.count("\n") == 1
