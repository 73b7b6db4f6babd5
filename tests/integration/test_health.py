"""A worker's files `alive` and `ready`, and the probe that reads them, as a container runs it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import APP, running_valkey
from tests.workers import POOLS, Platform, eventually, running_worker, started, witness

USAGE = "usage: probe.py [alive] [ready] [--within SECONDS]"


@pytest.fixture
def health(tmp_path: Path) -> Path:
    return tmp_path / "made" / "health"


@contextmanager
def probed(url: str, health: Path, pool: str = "prefork", **more):
    with running_worker(url, pool, JOBS_HEALTH_DIR=str(health), **more) as worker:
        eventually(lambda: probe(health, "ready") == "")
        yield worker


def probe(health: Path | str, *words: str) -> str:
    """What the probe says is wrong; nothing where it passes."""
    ran = subprocess.run(
        [sys.executable, "-I", "-S", str(APP / "probe.py"), *words],
        env={"JOBS_HEALTH_DIR": str(health)} if health else {}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == (1 if ran.stderr else 0)
    assert ran.stderr.count("\n") == ran.returncode
    assert not ran.stdout
    return ran.stderr.strip()


def stays(health: Path, seconds: float, *words: str) -> None:
    """The probe passes all this time, whenever it asks."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert probe(health, *words) == ""


def age(health: Path) -> float:
    return time.time() - (health / "alive").stat().st_mtime


@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_at_work_is_alive_and_ready_until_it_is_told_to_stop(
    platform, valkey_url, health, tmp_path, pool
):
    queue = f"health-{pool}"
    with probed(valkey_url, health, pool, queues=queue) as worker:
        witness(platform, tmp_path / "w", wait_for=tmp_path / "go", queue=queue)
        started(tmp_path / "w")
        stays(health, 5, "alive", "ready", "--within", "4")
        worker.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        eventually(lambda: not (health / "ready").exists(), 5)
        assert time.monotonic() - told < 1
        assert probe(health, "ready") == f"ready: {health}/ready: No such file or directory"
        stays(health, 5, "alive", "--within", "4")
        assert worker.process.poll() is None
        (tmp_path / "go").touch()
        assert worker.process.wait(30) == 0
    assert list(health.iterdir()) == []


def test_a_worker_that_remote_control_stops_is_ready_no_more(platform, valkey_url, health, tmp_path):
    with probed(valkey_url, health, queues="remote") as worker:
        witness(platform, tmp_path / "w", wait_for=tmp_path / "go", queue="remote")
        started(tmp_path / "w")
        platform.celery.control.shutdown()
        eventually(lambda: not (health / "ready").exists(), 5)
        assert probe(health, "alive") == ""
        (tmp_path / "go").touch()
        assert worker.process.wait(30) == 0


def test_what_a_killed_worker_left_is_gone_before_the_next_one_works(valkey_url, health):
    health.mkdir(parents=True)
    (health / "ready").touch()
    long_ago = time.time() - 1000
    (health / "alive").touch()
    os.utime(health / "alive", (long_ago, long_ago))
    with running_valkey() as gone:
        nowhere = gone.url
    with running_worker(nowhere, JOBS_HEALTH_DIR=str(health), ready_line="Cannot connect to"):
        assert probe(health, "alive") == ""
        assert probe(health, "ready") != ""


def test_a_main_process_that_stands_still_fails_the_probe(valkey_url, health):
    with probed(valkey_url, health, queues="still") as worker:
        worker.process.send_signal(signal.SIGSTOP)
        eventually(lambda: probe(health, "alive", "--within", "2"))
        assert probe(health, "alive", "--within", "2") == f"alive: {age(health):.0f} s old"
        worker.process.send_signal(signal.SIGCONT)
        eventually(lambda: probe(health, "alive", "--within", "2") == "")


@pytest.mark.parametrize("pool", POOLS)
def test_a_redis_that_stands_still_fails_no_probe(health, tmp_path, pool):
    with running_valkey() as valkey, probed(valkey.url, health, pool):
        valkey.pause()
        stays(health, 15, "alive", "ready", "--within", "6")
        valkey.resume()
        stays(health, 3, "alive", "ready", "--within", "6")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", ["stands still", "is gone"])
def test_a_redis_that_is_away_for_minutes_fails_no_probe(health, how):
    with running_valkey() as valkey, probed(valkey.url, health) as worker:
        valkey.pause() if how == "stands still" else valkey.kill()
        stays(health, 100, "alive", "ready", "--within", "10")
        valkey.resume() if how == "stands still" else valkey.start()
        stays(health, 40, "alive", "ready", "--within", "10")
        platform = Platform(valkey.url)
        assert platform.value(platform.submit("echo", '{"value": 1}'), 60) == 1
        platform.close()
        assert "worker.hung" not in worker.log


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_main_loop_that_hangs_fails_the_probe_while_the_pool_works_on(
    platform, valkey_url, health, tmp_path, pool
):
    queue = f"hung-{pool}"
    with probed(valkey_url, health, pool, queues=queue) as worker:
        job = witness(platform, tmp_path / "w", wait_for=tmp_path / "go", queue=queue)
        started(tmp_path / "w")
        platform.celery.control.broadcast("hang", arguments={"seconds": 75})
        stays(health, 50, "alive", "--within", "3")
        eventually(lambda: probe(health, "alive", "--within", "3"), 30)
        assert "worker.hung seconds=6" in worker.log
        (tmp_path / "go").touch()
        assert platform.value(job) == 1
        eventually(lambda: probe(health, "alive", "--within", "3") == "", 30)
        assert worker.log.count("worker.hung") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), USAGE),
        (("live",), USAGE),
        (("alive", "--within"), USAGE),
        (("alive", "--within", "long"), USAGE),
        (("alive",), "alive: {health}/alive: No such file or directory"),
        (("ready",), "ready: {health}/ready: No such file or directory"),
    ],
)
def test_the_probe_says_in_one_line_what_is_wrong(health, words, said):
    assert probe(health, *words) == said.format(health=health)


def test_the_probe_says_that_no_directory_is_set():
    assert probe("", "ready", "alive") == "ready: JOBS_HEALTH_DIR is not set"


def test_a_file_that_is_ahead_of_the_clock_is_not_fresh(health):
    health.mkdir(parents=True)
    (health / "alive").touch()
    assert probe(health, "alive") == ""
    later = time.time() + 3600
    os.utime(health / "alive", (later, later))
    assert probe(health, "alive").startswith("alive: -3")


def test_the_probe_imports_next_to_nothing():
    bare = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "importtime", str(APP / "probe.py"), "alive"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    imported = {line.rpartition("|")[2].strip() for line in bare.stderr.splitlines() if "|" in line}
    assert imported.isdisjoint({"argparse", "pathlib", "re", "logging", "django", "celery", "site"})


def test_a_worker_whose_directory_cannot_be_made_does_not_start(valkey_url, tmp_path):
    (tmp_path / "file").touch()
    where = tmp_path / "file" / "health"
    with running_worker(valkey_url, JOBS_HEALTH_DIR=str(where), ready_line="taskbell: ") as worker:
        assert worker.process.wait(30) == 1
        assert f"taskbell: JOBS_HEALTH_DIR: [Errno 20] Not a directory: '{where}'" in worker.log
