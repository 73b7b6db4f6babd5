"""A job's status in the words of the API, and its record, or why there is none."""

from dataclasses import dataclass
from typing import Any

from jobs.errors import JobGone, JobNotFound
from jobs.ids import MAX_LENGTH, is_well_formed
from jobs.ledger import Record, State, ledger


@dataclass(frozen=True, kw_only=True)
class Status:
    """The public status of a job."""

    task_id: str
    status: State
    result: Any
    """None until the job ended. After SUCCESS the return value, or where it is stored; after
    FAILURE or REVOKED an object `{"error": class name, "message": text}`."""


def read_status(task_id: str) -> Status:
    """The status of a job.

    Raises:
        JobNotFound: no job has this id.
        JobGone: it is past its retention, or was discarded.
        LedgerUnavailable: Redis does not answer.
    """
    found = ledger().status(task_id)
    if found is None:
        raise missing(task_id)
    state, meta = found
    return Status(task_id=task_id, status=state, result=public_result(state, meta))


def stored_token(task_id: str) -> int | None:
    """The token under which a job's result is stored; None where it is not.

    Raises:
        JobNotFound, JobGone, LedgerUnavailable: as `read_status`.
    """
    return find_record(task_id).number("stored") or None


def public_result(state: State, meta: dict[str, Any] | None) -> Any:
    """What Celery's published result is to a caller: see `Status.result`."""
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


def checked_id(task_id: str) -> str:
    """The id, if a job could have it.

    Raises:
        JobNotFound: none could; the ledger is not asked.
    """
    if not is_well_formed(task_id):
        shown = repr(task_id[:40])
        raise JobNotFound(f"{shown}: an id has 1 to {MAX_LENGTH} characters and no control character.")
    return task_id


def find_record(task_id: str) -> Record:
    """A job's record.

    Raises:
        JobNotFound, JobGone, LedgerUnavailable: as `read_status`.
    """
    record = ledger().record(task_id)
    if record is None:
        raise missing(task_id)
    return record


def missing(task_id: str) -> JobNotFound | JobGone:
    """What to say of an id that is unknown now: whether it was a job's."""
    if ledger().was_there(task_id):
        return JobGone(f"{task_id}: it ended, and is past its retention or was discarded.")
    return JobNotFound(f"{task_id}: it was never accepted, or is long past its retention.")
