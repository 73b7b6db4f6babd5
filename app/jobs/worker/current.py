"""The attempt that this thread is at."""

import json
import threading
from functools import partial

from jobs.errors import JobsError
from jobs.job import Job
from jobs.ledger import Claimed, ledger

_local = threading.local()


def set_current(claimed: Claimed | None) -> None:
    _local.claimed = claimed


def current() -> Claimed | None:
    """The claimed job whose user code this thread runs, or None."""
    claimed: Claimed | None = getattr(_local, "claimed", None)
    return claimed


def running_job() -> Job | None:
    """The job that this thread runs, as its function sees it, or None outside an attempt."""
    claimed = current()
    if claimed is None:
        return None
    return Job(
        id=claimed.id, task=claimed.task, attempt=claimed.attempt, report=partial(_report, claimed)
    )


def _report(claimed: Claimed, done: int, total: int | None, message: str) -> None:
    progress = json.dumps({"done": done, "total": total, "message": message})
    try:
        ledger().note(claimed.id, claimed.token, progress=progress)
    except JobsError:
        pass  # progress is a courtesy; the next report may get through


