"""The end of a run: the API is asked for every job's state, until all are final or nothing moves."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from jobs.chaos.asking import PAUSE_SECONDS, ask_all
from jobs.ledger import FINAL

STATUS = "/api/tasks/status/{}/"


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the API says of a job."""

    status: str
    """Celery's state; '' where the API knows no such job."""
    result: Any = None

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def is_open(self) -> bool:
        """Whether it may still end; what is unknown never will."""
        return bool(self.status) and not self.is_final


def settle(
    urls: Sequence[str], task_ids: Iterable[str], patience: timedelta, progress: Callable[[int], None]
) -> dict[str, Told]:
    """What the API says of each job, once all have ended or, for `patience`, none did."""
    told: dict[str, Told] = {}
    open_ids = list(task_ids)
    until = time.monotonic() + patience.total_seconds()
    while open_ids:
        new = {task_id: _told(answer) for task_id, answer in ask_all(urls, STATUS, open_ids).items()}
        told |= new
        left = [task_id for task_id in open_ids if new[task_id].is_open]
        if len(left) < len(open_ids):
            until = time.monotonic() + patience.total_seconds()
        elif time.monotonic() > until:
            break
        open_ids = left
        progress(len(open_ids))
        time.sleep(PAUSE_SECONDS if open_ids else 0)
    return told


def _told(answer: Any) -> Told:
    return Told(status=answer["status"], result=answer["result"]) if answer else Told(status="")
