"""A Redis with a password, that changes while the platform runs."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from jobs.conf import Settings
from jobs.errors import LedgerUnavailable
from jobs.ledger import Ledger
from tests.client import HELLO, PROCESS, Client
from tests.servers import APP, Running, Valkey, environment, running_gunicorn
from tests.workers import CELERY, Platform, Worker, eventually, running_worker, started, witness

OPTIONS = ("--appendonly", "yes", "--appendfsync", "always", "--requirepass", "first")


@dataclass(frozen=True, kw_only=True)
class Guarded:
    """A Valkey that keeps its data, and the file that its password is in."""

    server: Valkey
    file: Path

    def change(self, password: str) -> None:
        """The server comes back with another password; nobody is told yet."""
        self.server.kill()
        self.server._command[-1] = password
        self.server.start()

    def others(self) -> int:
        """How many connections it has."""
        with redis.Redis(port=self.server.port, password=self.server._command[-1]) as raw:
            return len(raw.client_list()) - 1


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    (tmp_path / "password").write_text("first\n")
    server = Valkey(None, str(tmp_path), *OPTIONS)
    try:
        yield Guarded(server=server, file=tmp_path / "password")
    finally:
        server.kill()


@pytest.fixture
def platform(guarded: Guarded) -> Iterator[Platform]:
    client = Platform(guarded.server.url, REDIS_PASSWORD_FILE=guarded.file)
    yield client
    client.close()


def waits_for(job: str, guarded: Guarded) -> Running:
    """A process of the project that waits for a result."""
    program = f"from djangoNinja import app; print('result', app.AsyncResult('{job}').get(timeout=60))"
    env = environment(guarded.server.url, REDIS_PASSWORD_FILE=str(guarded.file))
    return Running([sys.executable, "-c", f"print('waits', flush=True); {program}"], "waits", env)


@pytest.mark.parametrize("pool", ["prefork", pytest.param("threads", marks=pytest.mark.slow)])
def test_a_password_may_change_while_processes_run(guarded, platform, tmp_path, pool):
    url, file = guarded.server.url, str(guarded.file)
    with (
        running_gunicorn(url, REDIS_PASSWORD_FILE=file) as gunicorn,
        running_worker(url, pool, REDIS_PASSWORD_FILE=file) as worker,
    ):
        client = Client(f"http://127.0.0.1:{gunicorn.wait_ready()[1]}")
        processes = gunicorn.children() + worker.children()
        running = witness(platform, tmp_path / "w", wait_for=tmp_path / "go")
        started(tmp_path / "w")
        scheduled = platform.submit("echo", '{"value": 1}', delay=timedelta(seconds=3))
        waiting = [client.post(PROCESS, HELLO).json()["task_id"] for _ in range(20)]
        waits = waits_for(running, guarded)
        waits.wait_ready()
        guarded.change("second")
        away(worker, client, platform)
        (tmp_path / "go").touch()
        eventually(lambda: guarded.others() == 0, what="those who were refused to hang up")
        guarded.file.write_text("second\n")
        for job in (running, scheduled, *waiting):
            platform.value(job)
            assert (platform.attempt(job), platform.ledger.attempts(job)) == (1, [])
        assert (platform.counts().success, platform.counts().gap) == (22, 0)
        answer = client.post(PROCESS, HELLO)
        platform.value(answer.json()["task_id"])  # its bell was heard
        assert gunicorn.children() + worker.children() == processes
        assert waits.process.wait(30) == 0
        assert "result 1" in "".join(waits.lines)


def away(worker: Worker, client: Client, platform: Platform) -> None:
    """A password that is refused is a Redis that is away."""
    eventually(lambda: "keeper.no_ledger" in worker.log and "tick.failed" in worker.log)
    eventually(lambda: re.search("consumer: Cannot connect .*: invalid username-password", worker.log))
    client.get("/readyz").problem(503, "ledger-unavailable")
    client.post(PROCESS, HELLO).problem(503, "ledger-unavailable")
    with pytest.raises(LedgerUnavailable):
        platform.ledger.ping()


@pytest.mark.parametrize("content", [None, "", "wrong"])
def test_without_the_right_password_in_its_file_redis_is_away_until_it_is_there(guarded, platform, content):
    platform.ledger.ping()
    platform.ledger._redis.connection_pool.disconnect()
    if content is None:
        guarded.file.unlink()
    else:
        guarded.file.write_text(content)
    with pytest.raises(LedgerUnavailable):
        platform.ledger.ping()
    assert guarded.others() == 0
    guarded.file.write_text("first")
    platform.ledger.ping()


@pytest.mark.parametrize(
    "more", [{"REDIS_PASSWORD": "first"}, {"REDIS_PASSWORD": "mine-alone", "REDIS_USERNAME": "me"}]
)
def test_user_and_password_may_stand_beside_the_address(guarded, more):
    with redis.Redis(port=guarded.server.port, password="first") as raw:
        raw.execute_command("ACL", "SETUSER", "me", "on", ">mine-alone", "~*", "&*", "+@all")
    with running_worker(guarded.server.url, "threads", **more) as worker:
        platform = Platform(guarded.server.url, **more)
        assert platform.value(platform.submit("echo", '{"value": 1}')) == 1
        platform.close()
        assert "mine-alone" not in worker.log
    with pytest.raises(LedgerUnavailable):
        Ledger(Settings(REDIS_URL=guarded.server.url)).ping()


def test_remote_control_shows_celerys_settings_and_no_password(guarded):
    url = guarded.server.url.replace("//", "//:first@")
    with running_worker(url, "threads"):
        command = [CELERY, "-A", "djangoNinja", "inspect", "conf"]
        ran = subprocess.run(
            command, cwd=APP, env=environment(url), capture_output=True, text=True, timeout=60, check=True
        )
    port = guarded.server.port
    assert f'"broker_url": "redis://:********@127.0.0.1:{port}/0"' in ran.stdout
    assert f'"result_backend": "redis://:********@127.0.0.1:{port}/0"' in ran.stdout
    assert '"worker_disable_prefetch": true' in ran.stdout
    assert "first" not in ran.stdout
    assert "INSTALLED_APPS" not in ran.stdout
