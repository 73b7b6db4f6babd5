"""Real workers for tests: the literal command, with the probes for its tasks."""

import json
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from celery import Celery

from jobs.conf import Settings
from jobs.ledger import Counts, Ledger, State, Submission
from tests.servers import APP, Running, environment, on_database_in

ROOT = APP.parent
CELERY = str(Path(sys.executable).with_name("celery"))
POOLS = ("prefork", "threads", "solo")
PROBES = {"PYTHONPATH": str(ROOT), "JOBS_TASK_PACKAGES": "tasks,tests.probes"}
"""With these a process of the platform knows the probes."""


class Worker(Running):
    """A worker of the platform."""

    pool = "prefork"

    def stop(self) -> int:
        """A warm shutdown; gives the exit code."""
        return self.end(signal.SIGTERM)

    @property
    def log(self) -> str:
        return "".join(self.lines)


@contextmanager
def running_worker(
    redis_url: str,
    pool: str = "prefork",
    concurrency: int = 2,
    queues: str = "celery",
    options: tuple[str, ...] = (),
    ready_line: str = r"@test ready\.",
    **env: str,
) -> Iterator[Worker]:
    """`celery -A djangoNinja worker …`, ready; stopped, or killed where it cannot stop, at the end."""
    with tempfile.TemporaryDirectory() as directory:
        full = environment(redis_url) | PROBES | env
        if "DATABASE_URL" not in env:
            full = on_database_in(directory, full)
        command = [CELERY, "-A", "djangoNinja", "worker", "--loglevel=info", "-c", str(concurrency)]
        more = ["-P", pool, "-Q", queues, "-n", f"{uuid.uuid4().hex[:6]}@test", *options]
        worker = Worker([*command, *more], ready_line, full)
        try:
            worker.wait_ready()
            yield worker
        finally:
            worker.end(signal.SIGKILL if sys.exc_info()[0] else signal.SIGTERM)


class Platform:
    """A client of the ledger, as the API is one."""

    def __init__(self, redis_url: str, **settings: Any) -> None:
        self.settings = Settings(REDIS_URL=redis_url, **settings)
        self.ledger = Ledger(self.settings)
        self.celery = Celery(broker=redis_url, backend=redis_url)
        """A plain Celery client: it shares nothing with the platform but the URL."""

    def submit(self, task: str, arguments: str, queue: str = "celery", **more: Any) -> str:
        job_id = str(uuid.uuid4())
        self.ledger.submit(Submission(id=job_id, task=task, queue=queue, arguments=arguments, **more))
        return job_id

    def state(self, job_id: str) -> State:
        found = self.ledger.status(job_id)
        assert found is not None
        return found[0]

    def result(self, job_id: str, timeout: float = 20) -> Any:
        """Celery's published result, once the job has ended."""
        eventually(lambda: self.state(job_id).is_final, timeout, f"{job_id} to end")
        found = self.ledger.status(job_id)
        assert found is not None
        return found[1]

    def value(self, job_id: str, timeout: float = 20) -> Any:
        meta = self.result(job_id, timeout)
        assert meta["status"] == "SUCCESS", meta
        return meta["result"]

    def attempt(self, job_id: str) -> int:
        record = self.ledger.record(job_id)
        assert record is not None
        return record.number("attempt")

    def counts(self, queue: str = "celery") -> Counts:
        return self.ledger.counts(queue)

    def close(self) -> None:
        """Close every connection; what is left open fails some later test."""
        consumer = self.celery.backend.result_consumer
        consumer.stop()
        consumer._pubsub = None  # or a result that is collected later connects once more
        self.celery.backend.client.connection_pool.disconnect()
        self.celery.close()
        self.ledger._redis.connection_pool.disconnect()


def eventually[T](look: Callable[[], T], timeout: float = 20, what: str = "it") -> T:
    """What `look` gives as soon as it is true of the system; fails when it is not in time."""
    until = time.monotonic() + timeout
    while True:
        if found := look():
            return found
        assert time.monotonic() < until, f"waited {timeout} s for {what}"
        time.sleep(0.01)


def lines(file: Path) -> list[str]:
    """What attempts wrote for a witness."""
    return file.read_text().splitlines() if file.exists() else []


def witness(
    platform: Platform, file: Path, *, wait_for: Path | str = "", seconds: float = 0, queue: str = "celery"
) -> str:
    """Submit a job that writes a line for each of its attempts, then waits; gives its id."""
    arguments = {"file": str(file), "wait_for": str(wait_for), "seconds": seconds}
    return platform.submit("witness", json.dumps(arguments), queue=queue)


def started(file: Path, attempts: int = 1) -> list[int]:
    """The pids of a witness's attempts, once there are so many."""
    eventually(lambda: len(lines(file)) >= attempts, what=f"attempt {attempts}")
    return [int(line.split()[2]) for line in lines(file)]


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)
