"""What the ledger knows of a job, in the words of the API."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobs.errors import JobNotFound
from jobs.ledger import Record, State, ledger


@dataclass(frozen=True, kw_only=True)
class Status:
    """The public status of a job."""

    task_id: str
    status: State
    result: Any
    """None until the job ended. After SUCCESS the return value, or where it is stored; after
    FAILURE or REVOKED an object `{"error": class name, "message": text}`."""


@dataclass(frozen=True, kw_only=True)
class Detail:
    """A job, as far as it can be told while it waits, runs or has ended."""

    task_id: str
    task: str
    queue: str
    status: State
    waits_for: str | None
    """What a PENDING job waits for: `worker` (it is ready) or `time` (it is scheduled)."""
    attempt: int
    """The attempt that runs or ran last; 0 before the first."""
    priority: int
    created_at: datetime
    due_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    progress: dict[str, Any] | None
    """`{"done": …, "total": …, "message": …}` as last reported."""


def read_status(task_id: str) -> Status:
    """The status of a job.

    Raises:
        JobNotFound: no job has this id, or it is past its retention.
        LedgerUnavailable: Redis does not answer.
    """
    found = ledger().status(task_id)
    if found is None:
        raise _unknown(task_id)
    state, meta = found
    return Status(task_id=task_id, status=state, result=_public_result(state, meta))


def read_detail(task_id: str) -> Detail:
    """All that is told about a job.

    Raises:
        JobNotFound, LedgerUnavailable: as `read_status`.
    """
    record = _record(task_id)
    waits_for = None
    if record.state is State.PENDING:
        due = record.instant("due")
        waits_for = "time" if due and due > datetime.now(UTC) else "worker"
    return Detail(
        task_id=task_id, task=record.fields["task"], queue=record.fields["queue"], status=record.state,
        waits_for=waits_for, attempt=record.number("attempt"), priority=record.number("prio"),
        created_at=datetime.fromtimestamp(record.number("created") / 1e6, UTC), due_at=record.instant("due"),
        started_at=record.instant("started"), ended_at=record.instant("ended"),
        progress=json.loads(record.fields["progress"]) if "progress" in record.fields else None,
    )  # fmt: skip


def stored_token(task_id: str) -> int | None:
    """The token under which a job's result lies in the database; None where it has none there.

    Raises:
        JobNotFound, LedgerUnavailable: as `read_status`.
    """
    return _record(task_id).number("stored") or None


def _public_result(state: State, meta: dict[str, Any] | None) -> Any:
    if meta is None or not state.is_final:
        return None
    result = meta["result"]
    if state is State.SUCCESS:
        return result
    if not isinstance(result, dict) or "exc_type" not in result:  # a task gave itself this state and result
        result = {"exc_type": state.value, "exc_message": result}
    told = result.get("exc_message", "")
    told = told if isinstance(told, list | tuple) else [told]
    return {"error": result["exc_type"], "message": "; ".join(map(str, told))}


def _record(task_id: str) -> Record:
    record = ledger().record(task_id)
    if record is None:
        raise _unknown(task_id)
    return record


def _unknown(task_id: str) -> JobNotFound:
    return JobNotFound(f"{task_id}: it was never accepted, or is past its retention.")
