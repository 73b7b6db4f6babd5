"""Flower's lists of tasks: what it heard of, with what the ledger lists, and every row as the ledger has it.

Events tell of what ends while Flower runs. They tell nothing of a job that waits, or of what was before; and
one that is lost is not sent again. So before a list is made, Flower's memory is brought up to date: some
jobs of each queue and state, and all that it believes unfinished.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from typing import Any

from flower.api.tasks import ListTasks
from flower.utils.tasks import search_tasks
from flower.views.tasks import TasksDataTable
from tornado import web

from jobs.errors import JobsError
from jobs.ledger import FINAL, ORDERS, Record, State, ledger
from jobs.worker.dashboard import shown

logger = logging.getLogger("jobs.worker")
OF_EACH = 200
"""Jobs that are read of each queue and state: those that wait, the first; those that ended, the last."""
UNSURE = 2_000
"""Jobs of Flower's memory that are asked after at once."""
EVERY_SECONDS = 1.0
WITH_ERRORS = (State.FAILURE, State.RETRY)
_caught_up = float("-inf")


async def catch_up(state: Any) -> None:
    """Bring Flower's memory to what the ledger has, at most once a second."""
    global _caught_up  # noqa: PLW0603 - there is one memory
    if time.monotonic() - _caught_up < EVERY_SECONDS:
        return
    _caught_up = time.monotonic()
    believed = [task_id for task_id, task in state.tasks.data.items() if task.state not in FINAL]
    await _refresh(state, believed[-UNSURE:], listed=True)


async def renew(state: Any, ids: Iterable[str]) -> None:
    """Bring these jobs of Flower's memory to what the ledger has."""
    await _refresh(state, list(ids)[:UNSURE], listed=False)


async def _refresh(state: Any, ids: Sequence[str], *, listed: bool) -> None:
    try:
        found = await asyncio.to_thread(_read, ids, listed=listed)
    except JobsError as error:
        logger.warning("dashboard.no_ledger reason=%s", error)
        return
    for job_id, record in found.items():
        if record is not None:
            shown.put(state, record)
        elif (task := state.tasks.data.get(job_id)) is not None and task.state not in FINAL:
            shown.forget(state, job_id)  # the ledger knows no such job


def _read(ids: Sequence[str], *, listed: bool) -> dict[str, Record | None]:
    ledgers = ledger()
    found: dict[str, Record | None] = dict(zip(ids, ledgers.browse.records(ids), strict=True))
    for queue in ledgers.queues() if listed else ():
        for order in ORDERS:
            page = ledgers.browse.page([(queue, order)], limit=OF_EACH)
            found |= {record.id: record for record in page.jobs}
    failed = [job_id for job_id, record in found.items() if record and record.state in WITH_ERRORS]
    return found | dict(zip(failed, ledgers.browse.records(failed, errors=True), strict=True))


class JobsDataTable(TasksDataTable):
    """The Tasks page's table."""

    @web.authenticated
    async def get(self) -> None:
        await self._answer()

    @web.authenticated
    async def post(self) -> None:
        await self._answer()

    async def _answer(self) -> None:
        state = self.application.events.state
        await catch_up(state)
        start, length = (self.get_argument(name, type=int, required=True) for name in ("start", "length"))
        await self._renew(start, length)
        super().get()

    async def _renew(self, start: int, length: int) -> None:
        """The rows that will be shown; what makes no sense, Flower says."""
        column = self.get_argument("order[0][column]", type=int, required=True)
        try:
            page = search_tasks(
                self.application.events, search=self.get_argument("search[value]", "", escape=False),
                sort_by=self.get_argument(f"columns[{column}][data]", "", type=str), offset=start,
                limit=length, descending=self.get_argument("order[0][dir]", "", type=str) == "desc",
            )  # fmt: skip
        except ValueError:
            return
        await renew(self.application.events.state, page.task_ids)


class ListJobs(ListTasks):
    """`/api/tasks`."""

    @web.authenticated
    async def get(self) -> None:
        await catch_up(self.application.events.state)
        super().get()
