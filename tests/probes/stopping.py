"""Tasks that are cancelled, each with another manner of hearing of it."""

import asyncio
import time
from pathlib import Path

from celery.exceptions import SoftTimeLimitExceeded

from jobs import Job, task


@task
def cooperative(job: Job, file: str) -> str:
    """Look whether it is cancelled, and tidy up."""
    Path(file).write_text("started")
    until = time.monotonic() + 60
    while time.monotonic() < until and not job.cancelled:
        time.sleep(0.01)
    Path(file).write_text("tidied")
    return "part of it"


@task
def sleeper(job: Job, file: str, seconds: float = 60) -> str:
    """Never look."""
    Path(file).write_text("started")
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.01)
    Path(file).write_text("ended")
    return "all of it"


@task
def stubborn(job: Job, file: str) -> str:
    """Never look, and swallow what is raised."""
    Path(file).write_text("started")
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            time.sleep(0.01)
        except SoftTimeLimitExceeded:
            Path(file).write_text("swallowed")
    return "all of it"


@task
def talkative(job: Job, file: str) -> str:
    """Report, write to its log, and wait for the file."""
    job.progress(1, 3, "begun")
    job.log("first line")
    job.log("second line, " + "x" * 5000)
    while not Path(file).exists():
        time.sleep(0.01)
    return "done"


@task
def brief(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def _note(file: str, what: str = "") -> None:
    Path(file).write_text(what)


@task
async def waits_and_writes(file: str, seconds: float) -> float:
    """Wait in two ways, then write; tidy up whatever happens."""

    async def aside() -> None:
        await asyncio.sleep(seconds)
        _note(f"{file}-aside")

    beside = asyncio.create_task(aside())
    try:
        _note(file, "started")
        await asyncio.sleep(seconds)
        _note(file, "ended")
    finally:
        _note(f"{file}-tidied")
    await beside
    return seconds


@task(max_attempts=5)
def fails_late(file: str, wait_for: str) -> None:
    """Fail once the other file is there."""
    with Path(file).open("a") as lines:
        lines.write("started\n")
    while not Path(wait_for).exists():
        time.sleep(0.01)
    raise OSError("late")
