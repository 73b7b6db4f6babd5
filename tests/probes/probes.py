"""What the worker tests submit."""

import os
import random
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from celery import shared_task

from jobs import Job, task


@task
def echo(value: Any) -> Any:
    """Give back what came."""
    return value


@task(show_arguments=True)
def shown(value: str) -> None:
    """What it was called with may be seen."""


@task(name="add")
def add(x: int, y: int) -> int:
    return x + y


@task
def witness(job: Job, file: str, wait_for: str = "", seconds: float = 0) -> int:
    """Write a line for this attempt, then wait for a file to appear, or for some seconds."""
    with Path(file).open("a") as lines:
        lines.write(f"{job.id} {job.attempt} {os.getpid()}\n")
    until = time.monotonic() + (seconds or 60)
    while time.monotonic() < until and not (wait_for and Path(wait_for).exists()):
        time.sleep(0.01)
    return job.attempt


@task
def sleeps_once(job: Job, file: str, seconds: float) -> int:
    """As `witness`, without a look at any clock meanwhile."""
    with Path(file).open("a") as lines:
        lines.write(f"{job.id} {job.attempt} {os.getpid()}\n")
    time.sleep(seconds)
    return job.attempt


@task
def fail(message: str) -> None:
    raise ValueError(message)


@task
def die(job: Job, signal_number: int = signal.SIGKILL, attempts: int = 99, seconds: float = 0) -> int:
    """Kill the process in its first attempts, after so long."""
    if job.attempt <= attempts:
        time.sleep(seconds)
        os.kill(os.getpid(), signal_number)
        time.sleep(60)
    return job.attempt


@task
def forks(job: Job, file: str, wait_for: str) -> float:
    """Fork until a file appears; gives the longest time, in seconds, that it took."""
    longest = 0.0
    with Path(file).open("a") as lines:
        lines.write(f"{job.id} {job.attempt} {os.getpid()}\n")
    while not Path(wait_for).exists():
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            os._exit(0)
        longest = max(longest, time.monotonic() - began)
        os.waitpid(child, 0)
        time.sleep(0.02)
    return longest


@task
def eat(megabytes: int) -> int:
    """Fill so much memory."""
    return len(bytearray(b"x") * (megabytes * 2**20))


@task(max_attempts=3, retry_delay=timedelta(milliseconds=10))
def flaky(job: Job, file: str) -> int:
    """Fail until the third attempt."""
    with Path(file).open("a") as lines:
        lines.write(f"{job.attempt}\n")
    if job.attempt < 3:
        raise OSError("not yet")
    return job.attempt


@task(max_attempts=3, retry_delay=timedelta(milliseconds=10))
def fenced(job: Job, file: str) -> int:
    """Write each attempt's token, and fail until the third."""
    with Path(file).open("a") as lines:
        lines.write(f"{job.attempt_token}\n")
    if job.attempt < 3:
        raise OSError("not yet")
    return job.attempt_token


@task
async def later(value: int) -> int:
    import asyncio

    await asyncio.sleep(0.01)
    return value


@task
def large(size: int) -> str:
    return "x" * size


@task
def large_when_told(size: int, wait_for: str) -> str:
    """Return so much once the file is there; another says that it does so now."""
    while not Path(wait_for).exists():
        time.sleep(0.01)
    Path(f"{wait_for}.done").touch()
    return "x" * size


@task
def steps(job: Job, total: int, wait_for: str) -> None:
    job.progress(1, total, "under way")
    while not Path(wait_for).exists():
        time.sleep(0.01)


@task(time_limit=timedelta(seconds=1))
def overrun(seconds: float) -> None:
    time.sleep(seconds)


@task(soft_time_limit=timedelta(seconds=0.5), time_limit=timedelta(seconds=30))
def overrun_softly(seconds: float) -> str:
    from celery.exceptions import SoftTimeLimitExceeded

    try:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.01)
    except SoftTimeLimitExceeded:
        return "stopped softly"
    return "ran through"


@task(soft_time_limit=timedelta(milliseconds=2))
def at_its_limit(number: int) -> int:
    """End at about the soft limit, before it or after it."""
    until = time.monotonic() + random.uniform(0, 0.004)
    while time.monotonic() < until:
        time.sleep(0.0001)  # the keeper is a thread of the same process, and gets its turn
    return number


@task(bind=True)
def whoami(self: Any) -> dict[str, Any]:
    request = self.request
    return {
        "id": request.id, "retries": request.retries, "hostname": request.hostname,
        "queue": request.delivery_info["routing_key"], "called_directly": request.called_directly,
    }  # fmt: skip


@task(bind=True)
def asks_again(self: Any, times: int) -> int:
    if self.request.retries < times:
        raise self.retry(countdown=0)
    return int(self.request.retries)


@shared_task(name="plain_add")
def plain_add(x: int, y: int) -> int:
    """A task as Celery's users declare it: no schema."""
    return x + y


@shared_task(name="plain_leaver", on_success=lambda *_: sys.exit(3))
def plain_leaver() -> None:
    """Its hook leaves, where only its function may."""


@shared_task(name="plain_state", bind=True)
def plain_state(self: Any, wait_for: str) -> str:
    self.update_state(state="PROGRESS", meta={"half": True})
    while not Path(wait_for).exists():
        time.sleep(0.01)
    return "done"
