"""All that is told about one job."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jobs.conf import settings
from jobs.history import Attempt, read_attempts
from jobs.ledger import Record, State, ledger
from jobs.status import find_record

UNKNOWN = "worker that knows the task"


@dataclass(frozen=True, kw_only=True)
class Detail:
    """A job, as far as it can be told while it waits, runs or has ended."""

    task_id: str
    task: str
    queue: str
    key: str | None
    status: State
    waits_for: str | None
    """What a PENDING or RETRY job waits for: `worker`, `worker that knows the task` (none of those that live
    does), `time`, `pause` (of its queue or task), `limit` (as many run, or started, as may)."""
    attempt: int
    """The attempt that runs or ran last; 0 before the first."""
    retries: int
    lost: int
    """Attempts that were lost with their process or worker."""
    max_attempts: int | None
    """What its submit said instead of its task; None where it said nothing."""
    worker: str | None
    """The worker of the attempt that runs or ran last."""
    priority: int
    created_at: datetime
    due_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime | None
    cancel_requested: bool
    """It was to be stopped while it ran."""
    progress: dict[str, Any] | None
    """`{"done": …, "total": …, "message": …}` as last reported."""
    attempts: list[Attempt]


def read_detail(task_id: str) -> Detail:
    """All that is told about a job.

    Raises:
        JobNotFound: no job has this id.
        JobGone: it is past its retention, or was discarded.
        LedgerUnavailable: Redis does not answer.
    """
    record = find_record(task_id)
    fields = record.fields
    return Detail(
        task_id=task_id, task=fields["task"], queue=fields["queue"], key=fields.get("key"),
        status=record.state, waits_for=_waits_for(record), attempt=record.number("attempt"),
        retries=record.number("retries"), lost=record.number("lost"),
        max_attempts=json.loads(fields.get("opts") or "{}").get("max_attempts"),
        worker=fields.get("worker") or None, priority=record.number("prio"), created_at=record.created_at,
        due_at=record.instant("due"), started_at=record.instant("started"), ended_at=record.instant("ended"),
        expires_at=record.instant("expires"), cancel_requested="cancel" in fields,
        progress=json.loads(fields["progress"]) if "progress" in fields else None,
        attempts=read_attempts(record),
    )  # fmt: skip


def _waits_for(record: Record) -> str | None:
    if record.state is State.RETRY:
        return "time"
    if record.state is not State.PENDING:
        return None
    standing = ledger().browse.standing(record)
    most = {each.name: each.max_running for each in settings().QUEUES}.get(record.fields["queue"])
    reasons = {
        "time": standing.scheduled, "pause": standing.paused,
        "limit": standing.limited or (most is not None and standing.running >= most),
    }  # fmt: skip
    return next((reason for reason, holds in reasons.items() if holds), None) or _which_worker(record)


def _which_worker(record: Record) -> str:
    workers = ledger().browse.workers()
    knows = not workers or any(worker.may_know(record.fields["task"]) for worker in workers)
    return "worker" if knows else UNKNOWN
