"""One job in Flower, read from the ledger: its page, and `/api/task/info/`.

So there is one for every job that the ledger has, whatever Flower heard of it.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from flower.api.tasks import TaskInfo
from flower.views.tasks import TaskView
from tornado import web

from jobs.detail import Detail, read_detail
from jobs.errors import JobsError
from jobs.history import Line, read_log
from jobs.ledger import Record, State, ledger
from jobs.status import find_record, public_result
from jobs.worker.arguments import shown_arguments
from jobs.worker.dashboard import shown


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the ledger has of a job, and the task that Flower shows of it."""

    task: shown.Job
    detail: Detail
    log: list[Line]
    served: bool
    """Whether a worker that lives serves its queue, as far as workers say."""


def _read(state: Any, tasks: Any, job_id: str) -> Found:
    record = find_record(job_id)
    detail, log = read_detail(job_id), read_log(job_id).lines
    # Not Flower's memory, which belongs to another thread.
    task = shown.Job(job_id, worker=shown.worker_of(state, record))
    task.__dict__.update(shown.told(record), result=_result(record))
    task.args, task.kwargs = shown_arguments(tasks, record) or (None, None)
    if error := next((each.error for each in reversed(detail.attempts) if each.error), None):
        last = detail.attempts[-1]
        if record.state in {State.FAILURE, State.RETRY} and last.error:
            task.exception = f"{error['error']}: {error['message']}"[: shown.MOST]
            task.traceback = error.get("traceback")
    if detail.attempts and record.state is State.RETRY:
        task.retried = detail.attempts[-1].ended_at and detail.attempts[-1].ended_at.timestamp()
    told = [worker.facts.get("queues", [detail.queue]) for worker in ledger().browse.workers()]
    served = any(detail.queue in queues for queues in told)
    return Found(task=task, detail=detail, log=log, served=served)


def _result(record: Record) -> str | None:
    """As `AsyncResult` gives it, cut."""
    found = ledger().status(record.id)
    if found is None or found[0] is not State.SUCCESS or found[1] is None:
        return None
    text = json.dumps(public_result(*found), ensure_ascii=False)
    return text if len(text) <= shown.MOST else f"{text[: shown.MOST]}… ({len(text):,} characters)"


async def read(handler: Any, job_id: str) -> Found:
    """What the ledger has of a job.

    Raises:
        HTTPError: it has none, and Flower says why.
    """
    state, tasks = handler.application.events.state, handler.capp.tasks
    try:
        return await asyncio.to_thread(_read, state, tasks, job_id)
    except JobsError as error:
        raise web.HTTPError(error.status, f"{error.title()} {error.detail}") from error


class JobView(TaskView):
    """`/task/<id>`."""

    @web.authenticated
    async def get(self, task_id: str) -> None:
        found = await read(self, task_id)
        self.render(
            "task.html", task=self.format_task(found.task), detail=found.detail, log=found.log,
            served=found.served, read_only=self.application.options.read_only,
        )  # fmt: skip


class JobInfo(TaskInfo):
    """`/api/task/info/<id>`."""

    @web.authenticated
    async def get(self, taskid: str) -> None:
        found = await read(self, taskid)
        told = found.task.as_dict()
        worker = told.pop("worker")
        self.write({
            **told, "worker": worker and worker.hostname, "waits_for": found.detail.waits_for,
            "cancel_requested": found.detail.cancel_requested, "progress": found.detail.progress,
            "lost": found.detail.lost,
        })  # fmt: skip
