"""Lists of jobs, page by page, and what may be asked of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from jobs.ledger import Record, State
from jobs.parameters import MODEL, Queue, Text
from jobs.walk import Filter, failure, walk


def _apart(said: Any) -> Any:
    """`["PENDING,RETRY", "STARTED"]` as three."""
    return [each for part in said for each in part.split(",")] if isinstance(said, Sequence) else said


States = Annotated[tuple[State, ...], BeforeValidator(_apart)]
Limit = Annotated[int, Field(ge=1, le=200)]


class JobsParameters(BaseModel):
    """Which jobs are listed."""

    model_config = MODEL

    status: States = ()
    """Only jobs in these states; several with commas, or given several times."""
    queue: Queue | None = None
    """Only jobs of this queue."""
    task: Text | None = None
    """Only jobs of this task."""
    key: Text | None = None
    """Only jobs with this key."""
    limit: Limit = 50
    """Jobs on a page, at the most."""
    cursor: Text | None = None
    """The `next` of the page before; with the same other parameters."""

    def filter(self) -> Filter:
        return Filter(states=self.status or tuple(State), queue=self.queue, task=self.task, key=self.key)


class DeadLettersParameters(BaseModel):
    """Which of a queue's failed jobs are listed."""

    model_config = MODEL

    task: Text | None = None
    """Only jobs of this task."""
    error: Text | None = None
    """Only jobs whose last attempt failed with this class of error: `ValueError`."""
    limit: Limit = 50
    """Jobs on a page, at the most."""
    cursor: Text | None = None
    """The `next` of the page before; with the same other parameters."""

    def filter(self, queue: str) -> Filter:
        return dead(queue, task=self.task, error=self.error)


@dataclass(frozen=True, kw_only=True)
class Short:
    """A job in a list."""

    task_id: str
    task: str
    queue: str
    key: str | None
    status: State
    attempt: int
    priority: int
    worker: str | None
    created_at: datetime
    due_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class DeadLetter(Short):
    """A failed job in a list."""

    error: str | None
    """The class of what its last attempt failed with."""
    message: str | None


@dataclass(frozen=True, kw_only=True)
class Listed[J: Short]:
    """A page of a list. It may have fewer jobs than its limit, even none, and not be the last."""

    jobs: list[J]
    next: str | None
    """The cursor of the next page; None on the last."""


def dead(queue: str, *, task: str | None = None, error: str | None = None) -> Filter:
    """A queue's dead letters: its jobs that failed for good."""
    return Filter(states=(State.FAILURE,), queue=queue, task=task, error=error)


def list_jobs(wanted: Filter, *, limit: int = 50, cursor: str | None = None) -> Listed[Short]:
    """A page of the jobs that are meant.

    By queue, and in it by state: jobs that wait or run the oldest first, those that ended the latest first.
    A job whose state changes between two pages may be on both, or on none.

    Raises:
        ParametersInvalid: the cursor is none, or comes from another filter.
        LedgerUnavailable: Redis does not answer.
    """
    piece = walk(wanted, cursor, limit=limit)
    return Listed(jobs=[Short(**_short(job)) for job in piece.jobs], next=piece.next)


def list_dead(wanted: Filter, *, limit: int = 50, cursor: str | None = None) -> Listed[DeadLetter]:
    """A page of dead letters, the latest first; raises as `list_jobs`."""
    piece = walk(wanted, cursor, limit=limit, errors=True)
    letters = []
    for job in piece.jobs:
        error, message = failure(job)
        letters.append(DeadLetter(**_short(job), error=error, message=message))
    return Listed(jobs=letters, next=piece.next)


def _short(job: Record) -> dict[str, Any]:
    return {
        "task_id": job.id, "task": job.fields["task"], "queue": job.fields["queue"],
        "key": job.fields.get("key"), "status": job.state, "attempt": job.number("attempt"),
        "priority": job.number("prio"), "worker": job.fields.get("worker") or None,
        "created_at": job.created_at, "due_at": job.instant("due"), "started_at": job.instant("started"),
        "ended_at": job.instant("ended"),
    }  # fmt: skip
