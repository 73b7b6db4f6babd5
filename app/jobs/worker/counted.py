"""What a worker has worked on, as its statistics and its heartbeat tell it: jobs, where Celery counts bells.

Counted in a page of memory that the worker's processes share, a row a slot of the board: each is written by
one holder alone.
"""

import mmap
from collections.abc import Sequence
from typing import Any

from celery.worker import heartbeat

from jobs.worker.board import SLOTS

_ALL = 0
"""The column of the whole row; a task's is after it."""


class Counted:
    """Attempts that ended, by task. Made in the main process, before its pool forks."""

    def __init__(self, tasks: Sequence[str]) -> None:
        self._columns = {name: number for number, name in enumerate(tasks, start=1)}
        self._width = len(tasks) + 1
        self._cells = memoryview(mmap.mmap(-1, SLOTS * self._width * 8)).cast("Q")
        """Shared with what is forked; a page that nobody writes takes no memory."""

    def count(self, slot: int, task: str) -> None:
        """The holder of this slot ended an attempt."""
        row = slot * self._width
        self._cells[row] += 1
        if column := self._columns.get(task):
            self._cells[row + column] += 1

    def total(self, slots: int) -> int:
        """All attempts of the first so many slots."""
        return self._sum(slots, _ALL)

    def by_task(self, slots: int) -> dict[str, int]:
        """The same by task, without those that had none."""
        found = {name: self._sum(slots, column) for name, column in self._columns.items()}
        return {name: number for name, number in found.items() if number}

    def _sum(self, slots: int, column: int) -> int:
        return sum(self._cells[column : slots * self._width : self._width]) if slots else 0


class _AtWork:
    """Stands where Celery's heartbeat asks how many messages are at work."""

    def __init__(self, crew: Any) -> None:
        self._crew = crew

    def __len__(self) -> int:
        return sum(1 for _, running in self._crew.board.slots() if running.token)


class _Processed:
    """Stands where it asks how many there were."""

    def __init__(self, crew: Any) -> None:
        self._crew = crew

    def __getitem__(self, _: int) -> int:
        return int(self._crew.counted.total(self._crew.board.used))


def tell(crew: Any) -> None:
    """Have the heartbeats of this process tell of jobs."""
    for name, ours in (("active_requests", _AtWork(crew)), ("all_total_count", _Processed(crew))):
        if not hasattr(heartbeat, name):
            raise AttributeError(f"celery.worker.heartbeat has no {name}")
        setattr(heartbeat, name, ours)
