"""Celery's remote control, where it would show a bell and its user means jobs."""

import time
from typing import Any

from celery.worker.control import inspect_command

from jobs.worker import drain


def register() -> None:
    """Put the platform's commands in the place of Celery's."""
    inspect_command(alias="dump_active")(active)


def active(state: Any, safe: bool = False) -> list[dict[str, Any]]:  # noqa: FBT001, FBT002 - Celery's signature
    """The jobs that this worker runs, as `celery inspect active` and Flower show tasks."""
    crew = drain.crew()
    if crew is None:
        return []
    return [
        {
            "id": running.job_id, "name": running.task, "type": running.task, "args": [], "kwargs": {},
            "hostname": crew.place.hostname, "time_start": _wall_clock(running.started),
            "acknowledged": True, "delivery_info": {}, "worker_pid": running.pid,
        }
        for _, running in crew.board.slots()
        if running.token
    ]  # fmt: skip


def _wall_clock(monotonic: float) -> float:
    return time.time() - (time.monotonic() - monotonic)
