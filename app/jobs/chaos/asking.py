"""The API, asked about many jobs by several threads, when nothing strikes it any more."""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import Any

from jobs.chaos.client import Api, Unanswered
from jobs.chaos.plan import CannotRun

THREADS = 8
PIECE = 100
PAUSE_SECONDS = 0.5
AWAY_SECONDS = 60.0
"""How long the API may answer nothing."""


def ask_all(urls: Sequence[str], path: str, task_ids: Iterable[str]) -> dict[str, Any]:
    """What it says at this path, with `{}` for the id, of each job; None where it knows no such job.

    Raises:
        CannotRun: it answers nothing for `AWAY_SECONDS`, or errors alone.
    """
    told: dict[str, Any] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        for some in pool.map(lambda piece: _ask(urls, path, piece), batched(task_ids, PIECE, strict=False)):
            told |= some
    return told


def _ask(urls: Sequence[str], path: str, task_ids: Sequence[str]) -> dict[str, Any]:
    api = Api(urls, task_ids[0])
    try:
        return {task_id: _ask_one(api, path.format(task_id)) for task_id in task_ids}
    finally:
        api.close()


def _ask_one(api: Api, path: str) -> Any:
    until = time.monotonic() + AWAY_SECONDS
    while True:
        try:
            answer = api.get(path)
        except Unanswered:
            answer = None
        if answer is not None and answer.status == 200:
            return answer.json()
        if answer is not None and answer.status in (404, 410):
            return None
        if time.monotonic() > until:
            raise CannotRun(f"the API does not answer GET {path} for {AWAY_SECONDS:.0f} s: {answer}")
        time.sleep(PAUSE_SECONDS)
