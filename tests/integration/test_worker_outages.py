"""Workers while Redis is away: nothing is killed before its answer is known, and forks do not wait."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from jobs.ledger import State
from tests.servers import APP, environment
from tests.workers import eventually, running_worker, started, witness


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_time_limit_that_passes_while_redis_is_away_is_kept_when_it_is_back(
    platform, valkey, tmp_path, pool
):
    queue = f"limit-{pool}"
    with running_worker(valkey.url, pool, queues=queue, concurrency=1) as worker:
        arguments = json.dumps({"file": str(tmp_path / "w")})
        job = platform.submit("witness", arguments, queue=queue, options='{"time_limit": 1}')
        pid = started(tmp_path / "w")[0]
        valkey.pause()
        eventually(lambda: "keeper.no_ledger" in worker.log)
        until = time.monotonic() + 2
        eventually(lambda: time.monotonic() > until)
        assert Path(f"/proc/{pid}").exists()
        valkey.resume()
        meta = platform.result(job)
        assert (meta["status"], meta["result"]["exc_type"]) == ("FAILURE", "TimeLimitExceeded")
        assert platform.attempt(job) == 1
        eventually(lambda: "attempt.hard_limit" in worker.log)
        if pool == "prefork":
            eventually(lambda: not Path(f"/proc/{pid}").exists())
            assert platform.value(platform.submit("echo", '{"value": 1}', queue=queue)) == 1
        else:  # the thread is at it for a minute
            worker.end(signal.SIGKILL)


def test_an_attempt_that_the_ledger_gave_up_ends_at_its_limit_all_the_same(platform, valkey, tmp_path):
    with running_worker(valkey.url, queues="given-up", concurrency=1) as worker:
        arguments = json.dumps({"file": str(tmp_path / "w"), "wait_for": str(tmp_path / "go")})
        job = platform.submit("witness", arguments, queue="given-up", options='{"time_limit": 3}')
        started(tmp_path / "w")
        holders = platform.ledger._redis.zrange("tb:leases", 0, -1)
        platform.ledger.release("", [holder.decode() for holder in holders])
        assert platform.state(job) is State.PENDING
        started(tmp_path / "w", attempts=2)  # by the process in the place of the one that was killed
        (tmp_path / "go").touch()
        assert platform.value(job) == 2
        assert "attempt.hard_limit" not in worker.log


def test_a_fork_does_not_wait_until_redis_is_back(platform, valkey, tmp_path):
    with running_worker(valkey.url, "threads", queues="fork") as worker:
        late = platform.submit("overrun", '{"seconds": 22}', queue="fork")
        arguments = json.dumps({"file": str(tmp_path / "w"), "wait_for": str(tmp_path / "go")})
        job = platform.submit("forks", arguments, queue="fork")
        started(tmp_path / "w")
        valkey.pause()
        eventually(lambda: "keeper.no_ledger" in worker.log)
        until = time.monotonic() + 10
        eventually(lambda: time.monotonic() > until)
        valkey.resume()
        assert platform.result(late)["result"]["exc_type"] == "TimeLimitExceeded"
        (tmp_path / "go").touch()
        assert platform.value(job) < 8


@pytest.mark.slow
def test_the_cause_of_a_death_is_told_however_long_redis_is_away(platform, valkey, tmp_path):
    with running_worker(valkey.url, queues="cause") as worker:
        job = witness(platform, tmp_path / "w", wait_for=tmp_path / "go", queue="cause")
        pid = started(tmp_path / "w")[0]
        valkey.pause()
        try:
            os.kill(pid, signal.SIGKILL)
            eventually(lambda: "keeper.no_ledger" in worker.log)
            until = time.monotonic() + 12
            eventually(lambda: time.monotonic() > until)
        finally:
            valkey.resume()
        started(tmp_path / "w", attempts=2)
        (tmp_path / "go").touch()
        assert platform.value(job) == 2
        [lost] = platform.ledger.attempts(job)
        assert lost["cause"].endswith("was killed by SIGKILL")


def test_a_connection_that_nobody_takes_is_given_up_and_made_anew(tmp_path):
    """As where a network swallows a connection's first packets: its others would be swallowed too."""
    with ExitStack() as stack:
        deaf = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = deaf.getsockname()
        for _ in range(3):  # what has no place in the backlog gets no answer at all
            caller = stack.enter_context(socket.socket())
            caller.settimeout(0)
            caller.connect_ex(address)
        log, url = tmp_path / "log", f"redis://127.0.0.1:{address[1]}/0"
        with log.open("w") as output:
            worker = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "djangoNinja", "worker", "--loglevel=info", "-c", "1"],
                cwd=APP, env=environment(url), stdout=output, stderr=output,
            )  # fmt: skip
        try:
            eventually(lambda: "consumer: Cannot connect" in log.read_text(), 30)
            assert "Timeout connecting to server" in log.read_text()
        finally:
            worker.kill()
            worker.wait()
