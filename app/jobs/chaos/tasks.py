"""The tasks of the chaos proof, known where `JOBS_TASK_PACKAGES` names this module."""

import time
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from jobs.chaos.witness import effect
from jobs.job import Job
from jobs.task import task

Run = Annotated[str, Field(pattern=r"^[a-z0-9]{1,32}$", description="The run; it names the witness.")]
Serial = Annotated[int, Field(ge=0, description="The job's number in its run.")]
Milliseconds = Annotated[int, Field(ge=0, le=60_000)]


class Done(BaseModel):
    """What a job of the proof gives: which attempt it was that did it."""

    serial: int
    token: int


class Doomed(Exception):
    """What a task raises that is to fail."""


def _effect(job: Job, run: str, serial: int) -> AbstractContextManager[None]:
    return effect(run, serial, job.id, job.attempt_token, job.attempt)


@task(name="chaos.quick")
def quick(job: Job, run: Run, serial: Serial) -> Done:
    """End at once."""
    with _effect(job, run, serial):
        return Done(serial=serial, token=job.attempt_token)


@task(name="chaos.urgent", priority=9)
def urgent(job: Job, run: Run, serial: Serial) -> Done:
    """End at once, before others that wait."""
    with _effect(job, run, serial):
        return Done(serial=serial, token=job.attempt_token)


@task(name="chaos.slow")
def slow(job: Job, run: Run, serial: Serial, milliseconds: Milliseconds) -> Done:
    """Take some time."""
    with _effect(job, run, serial):
        time.sleep(milliseconds / 1000)
        return Done(serial=serial, token=job.attempt_token)


@task(name="chaos.failing", max_attempts=10, retry_delay=timedelta(milliseconds=200))
def failing(job: Job, run: Run, serial: Serial, failures: Annotated[int, Field(ge=0, le=5)]) -> Done:
    """Fail so many times, then succeed."""
    with _effect(job, run, serial):
        if job.attempt <= failures:
            raise Doomed(f"attempt {job.attempt} of a job that fails {failures} times")
        return Done(serial=serial, token=job.attempt_token)


@task(name="chaos.doomed")
def doomed(job: Job, run: Run, serial: Serial) -> Done:
    """Fail for good."""
    with _effect(job, run, serial):
        raise Doomed("as it is meant to")
