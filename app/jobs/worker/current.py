"""The attempt that this thread is at."""

import json
import threading
from contextlib import suppress
from functools import partial
from typing import Any

from jobs.conf import settings
from jobs.errors import JobsError
from jobs.job import Job
from jobs.ledger import Claimed, ledger
from jobs.origin import request_id
from jobs.worker.board import Slot

_local = threading.local()


def set_current(claimed: Claimed | None, slot: Slot | None = None) -> None:
    _local.claimed, _local.slot = claimed, slot
    _local.state, _local.heard = "", False


def set_about(claimed: Claimed | None) -> None:
    """Say which job this thread is about: its lines in the log tell it. What came with it is not known yet.

    From the claim to the finish, where `current` is the job only while its task's code runs.
    """
    _local.about = claimed
    if request_id.get():
        request_id.set("")


def about() -> dict[str, Any]:
    """What every line of this thread's in the log says."""
    claimed: Claimed | None = getattr(_local, "about", None)
    return {"task": claimed.task, "job": claimed.id, "attempt": claimed.attempt} if claimed else {}


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


def heard_of_cancel() -> bool:
    """Whether the running task asked if it was cancelled, and was told that it was."""
    heard: bool = _local.heard
    return heard


def running_job() -> Job | None:
    """The job that this thread runs, as its function sees it, or None outside an attempt."""
    claimed, slot = current(), getattr(_local, "slot", None)
    if claimed is None or slot is None:
        return None
    return Job(
        id=claimed.id, task=claimed.task, attempt=claimed.attempt, attempt_token=int(claimed.token),
        origin=request_id.get(),
        report=partial(_report, claimed), write=partial(_write, claimed),
        asked_to_stop=partial(_asked_to_stop, slot, int(claimed.token)),
    )  # fmt: skip


def _report(claimed: Claimed, done: int, total: int | None, message: str) -> None:
    progress = json.dumps({"done": done, "total": total, "message": message})
    with suppress(JobsError):  # progress is a courtesy; the next report may get through
        ledger().note(claimed.id, claimed.token, progress=progress)


def _write(claimed: Claimed, message: str) -> None:
    if settings().LOG_LINES:
        with suppress(JobsError):  # so is the log
            line = json.dumps({"attempt": claimed.attempt, "message": message})
            ledger().note(claimed.id, claimed.token, line=line)


def _asked_to_stop(slot: Slot, token: int) -> bool:
    if slot.cancel != token:
        return False
    _local.heard = True
    return True
