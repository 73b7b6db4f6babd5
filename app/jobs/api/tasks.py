"""The tasks over HTTP: the catalogue, and for each task a route that submits a job of it."""

import inspect
from datetime import timedelta
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from jobs.api import routes
from jobs.api.body import read_body
from jobs.api.openapi import submit_documentation
from jobs.api.schemas import Accepted, Catalogue, OptionsBody, ProblemBody, TaskBody
from jobs.conf import settings
from jobs.options import Options
from jobs.registry import all_tasks, find
from jobs.submit import submit_body
from jobs.task import Task


def router() -> Router:
    """The routes of all tasks that are declared by now."""
    new = Router(tags=["tasks"])
    routes.add(new, "GET", "/api/tasks/", catalogue, response=Catalogue, operation_id="catalogue")
    for task in all_tasks():
        routes.add(
            new, "POST", url(task), submit_view(task), operation_id=f"submit_{task.name}",
            summary=task.summary or f"Submit {task.name}", description=_explained(task),
            response={202: Accepted, 400: ProblemBody, 413: ProblemBody, 422: ProblemBody, 429: ProblemBody,
                      503: ProblemBody},
            openapi_extra=submit_documentation(task),
        )  # fmt: skip
    return new


def other_names() -> Router:
    """The routes of every other name; they match whatever stands below `/api/tasks/`, so they come last."""
    new = Router()
    for path in ("/api/tasks/{path:name}/", "/api/tasks/{path:name}"):
        new.api_operation(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], path, include_in_schema=False)(
            unknown
        )
    return new


def url(task: Task[Any, Any]) -> str:
    """Where a job of this task is submitted."""
    return f"/api/tasks/{task.name}/"


def submit_view(task: Task[Any, Any]) -> routes.View:
    """The view that submits a job of this task, once, before it answers."""

    def submit(request: HttpRequest, response: HttpResponse) -> Status[Any]:
        body = read_body(request, limit_bytes=settings().BODY_LIMIT_BYTES)
        task_id = submit_body(task, body).id
        response["Location"] = f"/api/tasks/status/{task_id}/"
        return Status(202, Accepted(task_id=task_id))

    return submit


def unknown(request: HttpRequest, name: str) -> None:
    """No task has this name, whatever the method."""
    find(name)


def catalogue(request: HttpRequest) -> Catalogue:
    """Every task: its name, queue, options, and the JSON schemas of its arguments and result."""
    return _catalogue()


@cache
def _catalogue() -> Catalogue:
    return Catalogue(tasks=[_shown(task) for task in all_tasks()])


def _shown(task: Task[Any, Any]) -> TaskBody:
    return TaskBody(
        name=task.name, summary=task.summary, queue=task.options.queue or settings().DEFAULT_QUEUE,
        url=url(task), options=_options(task.options), **task.schema.json_schema(),
    )  # fmt: skip


def _explained(task: Task[Any, Any]) -> str:
    """What its docstring says after the summary."""
    return (inspect.getdoc(task.function) or "").partition("\n")[2].strip()


def _options(options: Options) -> OptionsBody:
    return OptionsBody(
        max_attempts=options.max_attempts,
        retry_delay_seconds=options.retry_delay.total_seconds(),
        time_limit_seconds=_seconds(options.time_limit),
        soft_time_limit_seconds=_seconds(options.soft_time_limit),
        priority=options.priority,
    )


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()
