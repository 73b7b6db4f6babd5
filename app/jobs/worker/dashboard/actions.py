"""What Flower's API does to jobs, and what it answers: what was done, or why it was not."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from flower.api.control import TaskRevoke
from flower.api.tasks import TaskAbort, TaskAsyncApply, TaskResult, TaskSend
from tornado import web

from jobs.errors import JobsError
from jobs.ledger import ledger
from jobs.status import missing
from jobs.worker.control import cancel

SUBMITS = "task.publish"
"""What Flower calls the submit of a job."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Why a call was not carried out."""

    status: int
    text: str


def telling(run: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Flower's runner of calls that wait, which answers a problem with its status and text."""

    async def run_blocking(self: Any, operation: str, target: str, func: Any, *args: Any, **more: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return func(*args, **kwargs)
            except JobsError as error:
                return Refused(status=error.status, text=f"{error.title()} {error.detail}")
            except (TypeError, ValueError, OverflowError) as error:
                if operation != SUBMITS:
                    raise
                return Refused(status=400, text=f"{type(error).__name__}: {error}")

        answer = await run(self, operation, target, call, *args, **more)
        if isinstance(answer, Refused):
            raise web.HTTPError(answer.status, answer.text)
        return answer

    return run_blocking


class Send(TaskSend, TaskAsyncApply):
    """`send-task`: a task that is known here is submitted and checked as `async-apply` does it."""

    @web.authenticated
    async def post(self, taskname: str) -> None:
        if taskname in self.capp.tasks:
            await TaskAsyncApply.post(self, taskname)
        else:  # a message, that a worker adopts: it may know the task
            await TaskSend.post(self, taskname)


class Result(TaskResult):
    """`result`: an id that no job has is not `PENDING`."""

    @web.authenticated
    async def get(self, taskid: str) -> None:
        timeout = self.get_argument("timeout", None, type=float)
        result = self.capp.AsyncResult(taskid)  # Flower's own would be of whatever application is current
        self.write(await self.run_blocking("task.result", taskid, self.read_result, result, timeout))

    def read_result(self, result: Any, timeout: float | None) -> Any:
        if ledger().status(result.id) is None:
            raise missing(result.id)
        answer = super().read_result(result, timeout)
        if "result" in answer:  # Flower has read the state before it waited
            answer["state"] = result.state
        return answer


class Abort(TaskAbort):
    """`abort`: the job is cancelled, and one that runs sees it in `job.cancelled`."""

    @web.authenticated
    async def post(self, taskid: str) -> None:
        await _cancel(self, taskid, terminate=True)


class Revoke(TaskRevoke):
    """`revoke`: a job that waits is revoked; one that runs is stopped with `terminate`."""

    @web.authenticated
    async def post(self, taskid: str) -> None:
        await _cancel(self, taskid, terminate=self.get_argument("terminate", default=False, type=bool))


async def _cancel(handler: Any, job_id: str, *, terminate: bool) -> None:
    if handler.application.options.read_only:
        raise web.HTTPError(403, "Read only mode is enabled")
    word = await handler.run_blocking("task.revoke", job_id, _revoked, handler.capp, job_id, terminate)
    match word:
        case "revoked":
            handler.write({"message": f"Revoked '{job_id}'"})
        case "asked":
            handler.write({"message": f"Told '{job_id}' to stop"})
        case "running":
            raise web.HTTPError(409, f"'{job_id}' runs, and was left alone: with terminate it is stopped")
        case "ended":
            raise web.HTTPError(409, f"'{job_id}' has ended")


def _revoked(app: Any, job_id: str, terminate: bool) -> str:  # noqa: FBT001 - as Flower's runner calls it
    """What became of the job; where there is none, workers refuse the message that may still come."""
    word = cancel(job_id, terminate=terminate)[job_id]
    if word == "unknown":
        app.control.revoke(job_id, terminate=terminate)
        raise missing(job_id)
    return word
