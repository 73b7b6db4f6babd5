"""The end of a run: the API is asked for every job's state, until all are final or nothing moves."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import batched
from typing import Any

from jobs.chaos.client import Api, Unanswered
from jobs.chaos.plan import CannotRun
from jobs.ledger import FINAL

THREADS = 8
PIECE = 100
PAUSE_SECONDS = 0.5
AWAY_SECONDS = 60.0
"""How long the API may answer nothing at the end of a run, when nothing strikes it any more."""


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
        new = _ask_all(urls, open_ids)
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


def _ask_all(urls: Sequence[str], task_ids: Sequence[str]) -> dict[str, Told]:
    told: dict[str, Told] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        for some in pool.map(lambda piece: _ask(urls, piece), batched(task_ids, PIECE, strict=False)):
            told |= some
    return told


def _ask(urls: Sequence[str], task_ids: Sequence[str]) -> dict[str, Told]:
    api = Api(urls, task_ids[0])
    try:
        return {task_id: _ask_one(api, task_id) for task_id in task_ids}
    finally:
        api.close()


def _ask_one(api: Api, task_id: str) -> Told:
    until = time.monotonic() + AWAY_SECONDS
    while True:
        try:
            answer = api.get(f"/api/tasks/status/{task_id}/")
        except Unanswered:
            answer = None
        if answer is not None and answer.status == 200:
            body = answer.json()
            return Told(status=body["status"], result=body["result"])
        if answer is not None and answer.status in (404, 410):
            return Told(status="")
        if time.monotonic() > until:
            raise CannotRun(f"the API tells no status for {AWAY_SECONDS:.0f} s: {answer}")
        time.sleep(PAUSE_SECONDS)
