"""A job of the ledger as Flower shows a task: which field of Flower's says what of it."""

from datetime import datetime
from typing import Any

from celery.events.state import Task, Worker

from jobs.ledger import Record, State
from jobs.walk import failure

MOST = 1_000
"""Characters of an error, or of a result, that are shown."""
ENDED = {State.SUCCESS: "succeeded", State.FAILURE: "failed", State.REVOKED: "revoked"}


class Job(Task):
    """What Flower keeps of a job; it has an attempt and a queue too."""

    attempt: int | None = None
    queue: str | None = None
    _fields = (*Task._fields, "attempt", "queue")


def told(record: Record) -> dict[str, Any]:
    """What Flower shows of a job, from its record; nothing of its arguments and its result."""
    fields, state = record.fields, record.state
    created, started, ended = record.created_at, record.instant("started"), record.instant("ended")
    due = record.instant("due")
    shown: dict[str, Any] = {
        "name": fields["task"], "state": state.value,
        "queue": fields["queue"], "routing_key": fields["queue"],
        "attempt": record.number("attempt"), "retries": record.number("retries"),
        "received": created.timestamp(), "started": started and started.timestamp(),
        "eta": _text(due), "expires": _text(record.instant("expires")),
        "timestamp": max(filter(None, (created, started, ended))).timestamp(),
        "args": None, "kwargs": None, "result": None, "exception": None, "traceback": None, "runtime": None,
        "retried": None, **dict.fromkeys(ENDED.values()),
    }  # fmt: skip
    if state.is_final and ended:
        shown[ENDED[state]] = ended.timestamp()
        if started and (state is not State.REVOKED or started <= ended):
            shown["runtime"] = max((ended - started).total_seconds(), 0)
    if state in {State.FAILURE, State.RETRY}:
        error, message = failure(record)
        shown["exception"] = f"{error}: {message}"[:MOST] if error else None
    return shown


def put(state: Any, record: Record) -> None:
    """Have Flower's memory show what the ledger has of this job."""
    task = state.tasks.get(record.id)
    if task is None:
        task = state.tasks[record.id] = state.Task(record.id, cluster_state=state)
    shown = told(record)
    if record.state is State.FAILURE:  # Flower may have heard more of it than a list reads
        shown["traceback"] = task.traceback
    task.__dict__.update(shown, worker=worker_of(state, record))
    state.search_engine.upsert(task)


def worker_of(state: Any, record: Record) -> Worker | None:
    """The worker of the attempt that runs or ran last."""
    hostname = record.fields.get("worker")
    return (state.workers.get(hostname) or Worker(hostname)) if hostname else None


def forget(state: Any, job_id: str) -> None:
    state.tasks.pop(job_id, None)
    state.search_engine.remove(job_id)


def _text(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
