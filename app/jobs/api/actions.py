"""What changes jobs over HTTP: cancel, run again, discard; one, or many by filter."""

from collections.abc import Callable
from typing import Any, Self

from django.http import HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from ninja import Status
from pydantic import BaseModel, model_validator

from jobs import operate
from jobs.api import routes
from jobs.api.schemas import OutcomeBody
from jobs.errors import JobGone, JobNotFound
from jobs.listing import States
from jobs.operate import Bulk
from jobs.parameters import MODEL, Queue, Text, read, refused
from jobs.status import checked_id
from jobs.walk import UNFINISHED, Filter

type JobView = Callable[[HttpRequest, str], Any | HttpResponseBase]


class CancelParameters(BaseModel):
    """Which jobs are cancelled."""

    model_config = MODEL

    status: States = ()
    """Only jobs in these states: `PENDING`, `STARTED`, `RETRY`."""
    queue: Queue | None = None
    """Only jobs of this queue."""
    task: Text | None = None
    """Only jobs of this task."""
    key: Text | None = None
    """Only jobs with this key."""
    all: bool = False
    """Every job that has not ended; instead of a filter."""
    cursor: Text | None = None
    """The `next` of the answer before; with the same other parameters."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        check_narrowed(self.all, self.status, self.queue, self.task, self.key)
        if any(state not in UNFINISHED for state in self.status):
            raise refused("ended", f"only {', '.join(UNFINISHED)} can be cancelled")
        return self

    def filter(self) -> Filter:
        return Filter(states=self.status or UNFINISHED, queue=self.queue, task=self.task, key=self.key)


def check_narrowed(everything: bool, *filters: object) -> None:  # noqa: FBT001 - as it was said
    """Refuse to do to all jobs what was not said of all."""
    if everything and any(filters):
        raise refused("two_filters", "all=true stands alone, or a filter does")
    if not everything and not any(filters):
        raise refused("no_filter", "a filter is missing; all=true means every job")


def cancel(request: HttpRequest, task_id: str) -> OutcomeBody:
    """End a job that waits, or ask the worker of one that runs to stop it."""
    return OutcomeBody(task_id=task_id, outcome=operate.cancel(checked_id(task_id)))


def retry(request: HttpRequest, task_id: str) -> OutcomeBody:
    """Run a job again that failed or was revoked, under its own id; one that waits for its time, now."""
    operate.redrive(checked_id(task_id))
    return OutcomeBody(task_id=task_id, outcome="ready")


def discard(request: HttpRequest, task_id: str) -> Status[None]:
    """Forget a job that has ended, with its result."""
    operate.discard(checked_id(task_id))
    return Status(204, None)


def cancel_many(request: HttpRequest) -> Bulk:
    """Cancel the jobs that have not ended and are meant: up to 1,000, then go on with `next`."""
    said = read(CancelParameters, routes.query(request))
    return operate.cancel_many(said.filter(), said.cursor)


def named(view: JobView, task_id: str) -> Callable[[HttpRequest], Any | HttpResponseBase]:
    """The view for a job whose own id is the name of an action; else only POST works here."""

    def own(request: HttpRequest) -> Any | HttpResponseBase:
        try:
            return view(request, task_id)
        except (JobNotFound, JobGone):
            return HttpResponseNotAllowed(["POST"])

    return own


def ending(view: JobView, action: str) -> JobView:
    """The view for a job whose own id ends like an action; else only POST works here."""

    def own(request: HttpRequest, task_id: str) -> Any | HttpResponseBase:
        return named(view, f"{task_id}/{action}")(request)

    return own
