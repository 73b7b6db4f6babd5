"""Tasks that are cancelled, each with another manner of hearing of it."""

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
