"""The tasks over HTTP: the catalogue, and for each task a route that submits a job of it."""

import inspect
import logging
from dataclasses import fields
from functools import cache
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from ninja import Router, Status

from jobs import operate
from jobs.api import routes
from jobs.api.body import read_body
from jobs.api.openapi import submit_documentation
from jobs.api.schemas import (
    Accepted,
    Catalogue,
    OptionsBody,
    ProblemBody,
    StatusBody,
    TaskBody,
    TaskPausedBody,
)
from jobs.asked import IDEMPOTENCY_KEY, asked
from jobs.conf import settings
from jobs.errors import NotDurable
from jobs.options import Options
from jobs.registry import all_tasks, find
from jobs.status import Status as JobStatus
from jobs.status import read_status
from jobs.submit import submit_body
from jobs.task import Task

logger = logging.getLogger("jobs.api")
REPLAYED = "Idempotent-Replayed"
"""The header that says that a submit made no job: it stands for one that was there."""


def router() -> Router:
    """The routes of all tasks that are declared by now."""
    new = Router(tags=["tasks"])
    routes.add(new, "GET", "/api/tasks/", catalogue, response=Catalogue, operation_id="catalogue")
    for task in all_tasks():
        routes.add(
            new, "POST", url(task), submit_view(task), operation_id=f"submit_{task.name}",
            summary=task.summary or f"Submit {task.name}", description=_explained(task),
            response={202: Accepted} | dict.fromkeys((400, 409, 413, 422, 429, 503), ProblemBody),
            openapi_extra=submit_documentation(task),
        )  # fmt: skip
    return new


def pausing() -> Router:
    """The routes that pause a task and let it go on. They come before those of the status."""
    new = Router(tags=["tasks"])
    for verb, view in (("pause", pause), ("resume", resume)):
        routes.add(
            new, "POST", f"/api/tasks/{{name}}/{verb}/", view, operation_id=f"{verb}_task",
            response={200: TaskPausedBody} | dict.fromkeys((404, 503), ProblemBody),
        )  # fmt: skip
        routes.add(
            new, "GET", f"/api/tasks/{{name}}/{verb}/", status_of(verb),
            response={200: StatusBody}, include_in_schema=False,
        )  # fmt: skip
    return new


def pause(request: HttpRequest, name: str) -> TaskPausedBody:
    """Stop a task's jobs from being claimed, in every queue; what runs goes on, and submits are accepted."""
    return TaskPausedBody(task=name, paused=True, changed=operate.pause_task(name))


def resume(request: HttpRequest, name: str) -> TaskPausedBody:
    """Let a paused task go on."""
    return TaskPausedBody(task=name, paused=False, changed=operate.resume_task(name))


def status_of(task_id: str) -> routes.View:
    """The view for `status` in the place of a task's name: the status of a job that has this odd id."""

    def own(request: HttpRequest, name: str) -> JobStatus | HttpResponseBase:
        return read_status(task_id) if name == "status" else HttpResponseNotAllowed(["POST"])

    return own


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
        wish = asked(routes.query(request), request.headers.get(IDEMPOTENCY_KEY))
        try:
            accepted = submit_body(task, body, wish)
        except NotDurable as error:
            _log(task, error.task_id, new=True)
            raise
        _log(task, accepted.id, new=accepted.new)
        response["Location"] = f"/api/tasks/status/{quote(accepted.id, safe='')}/"
        if not accepted.new:
            response[REPLAYED] = "true"
        return Status(202, Accepted(task_id=accepted.id))

    return submit


def _log(task: Task[Any, Any], job_id: str, *, new: bool) -> None:
    logger.info("job.accepted task=%s job=%s new=%s", task.name, job_id, new)


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
    told = {field.name: getattr(options, field.name) for field in fields(options) if field.name != "queue"}
    shown = dict(_on_the_wire(name, value) for name, value in told.items())
    return OptionsBody(**shown | {"key": list(options.key_paths)})


def _on_the_wire(name: str, value: Any) -> tuple[str, Any]:
    """An option as the catalogue shows it."""
    if f"{name}_seconds" in OptionsBody.model_fields:
        return f"{name}_seconds", None if value is None else value.total_seconds()
    if isinstance(value, tuple):
        return name, [getattr(each, "__name__", each) for each in value]
    return name, value
