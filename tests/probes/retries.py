"""What the tests of retries submit: each attempt leaves a line with its time, then fails as it is told."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from celery import shared_task
from celery.signals import task_failure, task_retry

from jobs import Job, task

SOON = timedelta(milliseconds=10)
ERRORS: dict[str, type[Exception]] = {
    "ConnectionError": ConnectionError, "PermissionError": PermissionError, "ValueError": ValueError,
}  # fmt: skip


class Busy(Exception):
    """What a service that is busy answers."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def note(file: str, what: object = "") -> int:
    """Leave a line; gives how many there are."""
    with Path(file).open("a") as lines:
        lines.write(f"{time.time()} {what}\n")
    return len(Path(file).read_text().splitlines())


@task(max_attempts=3, retry_delay=SOON, retry_on=(OSError,), never_retry_on=(PermissionError,))
def picky(file: str, error: str) -> None:
    """Fail with this error."""
    note(file)
    raise ERRORS[error]


@task(max_attempts=2, retry_delay=SOON)
def told_when(file: str, seconds: float) -> int:
    """Fail once, as a service does that says when to come back."""
    if note(file) == 1:
        raise Busy(seconds)
    return 2


@task(bind=True, max_attempts=5, retry_delay=SOON)
def gives_up(self: Any, file: str) -> None:
    """Ask for one retry at most, though the task may have four."""
    note(file)
    raise self.retry(exc=OSError("given up"), countdown=0, max_retries=1)


@task(bind=True)
def asks_for_ever(self: Any, file: str) -> None:
    note(file)
    raise self.retry(exc=OSError("again"), countdown=0)


@shared_task(
    name="auto", autoretry_for=(OSError,), dont_autoretry_for=(PermissionError,), max_retries=2,
    retry_backoff=1, retry_backoff_max=1, retry_jitter=True,
)  # fmt: skip
def auto(file: str, error: str) -> None:
    """As Celery's users spell it."""
    note(file)
    raise ERRORS[error]


@task(max_attempts=2, retry_delay=SOON)
def watched(job: Job, file: str) -> None:
    """Fail; the signals leave a line each."""
    raise OSError(file)


@task_retry.connect
def on_retry(sender: Any, request: Any, reason: Any, **_: Any) -> None:
    if sender.name == "watched":
        note(request.kwargs["file"], f"retry {type(reason.exc).__name__} {request.retries}")


@task_failure.connect
def on_failure(sender: Any, exception: Any, kwargs: Any, **_: Any) -> None:
    if sender.name == "watched":
        note(kwargs["file"], f"failure {type(exception).__name__}")
