"""The queues over HTTP: what is in them, pause and resume, and the jobs that failed in them."""

from collections.abc import Callable
from typing import Any, Self

from django.http import HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from ninja import Router
from pydantic import BaseModel, model_validator

from jobs import operate
from jobs.api import routes
from jobs.api.actions import check_narrowed
from jobs.api.openapi import parameters
from jobs.api.schemas import BulkBody, DeadLettersBody, ProblemBody, QueueBody, QueuePausedBody, QueuesBody
from jobs.errors import QueueNotFound
from jobs.listing import DeadLetter, DeadLettersParameters, Listed, dead, list_dead
from jobs.operate import Bulk
from jobs.parameters import MODEL, Text, read
from jobs.queues import Queues, QueueState, existing, read_queue, read_queues
from jobs.walk import Filter

router = Router(tags=["queues"])


class BulkParameters(BaseModel):
    """Which of a queue's failed jobs are meant."""

    model_config = MODEL

    task: Text | None = None
    """Only jobs of this task."""
    error: Text | None = None
    """Only jobs whose last attempt failed with this class of error: `ValueError`."""
    all: bool = False
    """Every failed job of the queue; instead of a filter."""
    cursor: Text | None = None
    """The `next` of the answer before; with the same other parameters."""

    @model_validator(mode="after")
    def _narrowed(self) -> Self:
        check_narrowed(self.all, self.task, self.error)
        return self


def queues(request: HttpRequest) -> Queues:
    """Every queue that ever had a job: its jobs by where they are, what stops them, and its limits."""
    return read_queues()


def queue(request: HttpRequest, queue: str) -> QueueState:
    """A queue: its jobs by where they are, what stops them, and its limits."""
    return read_queue(queue)


def pause(request: HttpRequest, queue: str) -> QueuePausedBody:
    """Stop a queue from giving out jobs; what runs goes on, and submits are accepted."""
    return QueuePausedBody(queue=queue, paused=True, changed=operate.pause_queue(queue))


def resume(request: HttpRequest, queue: str) -> QueuePausedBody:
    """Let a paused queue go on."""
    return QueuePausedBody(queue=queue, paused=False, changed=operate.resume_queue(queue))


def dead_letters(request: HttpRequest, queue: str) -> Listed[DeadLetter]:
    """The jobs of a queue that failed for good, the latest first, page by page."""
    said = read(DeadLettersParameters, routes.query(request))
    return list_dead(said.filter(existing(queue)), limit=said.limit, cursor=said.cursor)


def redrive(request: HttpRequest, queue: str) -> Bulk:
    """Run failed jobs again under their own ids: up to 1,000, then go on with `next`."""
    return _many(operate.redrive_many, request, queue)


def discard(request: HttpRequest, queue: str) -> Bulk:
    """Forget failed jobs: up to 1,000, then go on with `next`."""
    return _many(operate.discard_many, request, queue)


def _many(do: Callable[[Filter, str | None], Bulk], request: HttpRequest, queue: str) -> Bulk:
    said = read(BulkParameters, routes.query(request))
    return do(dead(existing(queue), task=said.task, error=said.error), said.cursor)


def ending(action: str) -> Callable[[HttpRequest, str], QueueState | HttpResponseBase]:
    """The view of a queue whose own name ends like an action; else only POST works here."""

    def own(request: HttpRequest, queue: str) -> QueueState | HttpResponseBase:
        try:
            return read_queue(f"{queue}/{action}")
        except QueueNotFound:
            return HttpResponseNotAllowed(["POST"])

    return own


QUEUE = "/api/queues/{path:queue}"
AWAY = {503: ProblemBody}
MISSING = dict.fromkeys((404, 503), ProblemBody)
MANY = dict.fromkeys((404, 422, 503), ProblemBody)
FULL = {429: ProblemBody}


def _act(path: str, view: routes.View, **documented: Any) -> None:
    """Put up an action on a queue, and beside it the queue whose own name ends so."""
    routes.add(router, "POST", f"{QUEUE}/{path}/", view, **documented)
    routes.add(
        router, "GET", f"{QUEUE}/{path}/", ending(path), include_in_schema=False, response={200: QueueBody}
    )


routes.add(router, "GET", "/api/queues/", queues, operation_id="queues", response={200: QueuesBody} | AWAY)
for act, many, more in (("redrive", redrive, FULL), ("discard", discard, {})):
    _act(
        f"dead-letters/{act}", many, operation_id=f"{act}_dead_letters",
        response={200: BulkBody} | MANY | more, openapi_extra=parameters(BulkParameters),
    )  # fmt: skip
routes.add(
    router, "GET", f"{QUEUE}/dead-letters/", dead_letters, operation_id="dead_letters",
    response={200: DeadLettersBody} | MANY, openapi_extra=parameters(DeadLettersParameters),
)  # fmt: skip
_act("pause", pause, operation_id="pause_queue", response={200: QueuePausedBody} | MISSING)
_act("resume", resume, operation_id="resume_queue", response={200: QueuePausedBody} | MISSING)
routes.add(router, "GET", f"{QUEUE}/", queue, operation_id="queue", response={200: QueueBody} | MISSING)
