"""The attempt that this thread is at."""

import json
import threading
from contextlib import suppress
from functools import partial

from jobs.errors import JobsError
from jobs.job import Job
from jobs.ledger import Claimed, ledger

_local = threading.local()


def set_current(claimed: Claimed | None) -> None:
    _local.claimed = claimed
    _local.state = ""


def current() -> Claimed | None:
    """The claimed job whose user code this thread runs, or None."""
    claimed: Claimed | None = getattr(_local, "claimed", None)
    return claimed


def note_state(state: str) -> None:
    """Remember the state that the running task gave itself (`update_state`)."""
    _local.state = state


def noted_state() -> str:
    """The state that the running task last gave itself; '' where it gave itself none."""
    state: str = _local.state
    return state


def running_job() -> Job | None:
    """The job that this thread runs, as its function sees it, or None outside an attempt."""
    claimed = current()
    if claimed is None:
        return None
    return Job(
        id=claimed.id, task=claimed.task, attempt=claimed.attempt, token=int(claimed.token),
        report=partial(_report, claimed),
    )  # fmt: skip


def _report(claimed: Claimed, done: int, total: int | None, message: str) -> None:
    progress = json.dumps({"done": done, "total": total, "message": message})
    with suppress(JobsError):  # progress is a courtesy; the next report may get through
        ledger().note(claimed.id, claimed.token, progress=progress)
