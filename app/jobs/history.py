"""What became of a job's attempts, one after the other, and what they wrote to its log."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobs.ledger import Record, State, ledger
from jobs.status import find_record

LOST = "LOST"
"""The outcome of an attempt whose process or worker went away; the others are states."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try at a job."""

    attempt: int
    """Its number, from 1. One that was handed back did not count: the next has the same."""
    outcome: str
    """`STARTED` while it runs, `SUCCESS`, `FAILURE`, `RETRY`, `REVOKED`, `PENDING` where it was handed back,
    `LOST`."""
    started_at: datetime
    ended_at: datetime | None
    worker: str | None
    cause: str | None
    """Why it was ended from outside; None where it was not."""
    error: dict[str, Any] | None
    """`{"error": class name, "message": …, "traceback": …}`."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a job's log."""

    at: datetime
    attempt: int
    message: str


@dataclass(frozen=True, kw_only=True)
class Log:
    """What a job's attempts wrote."""

    task_id: str
    lines: list[Line]


def read_attempts(record: Record) -> list[Attempt]:
    """The job's attempts, the oldest first, with the one that runs or succeeded.

    Those that ended otherwise are the last 20.
    """
    told = ledger().attempts(record.id) if "lists" in record.fields else []
    past = [_past(each) for each in told]
    started = record.instant("started")
    # The record was read first: what it tells of as running may be in the history by now.
    if record.state in {State.STARTED, State.SUCCESS} and started not in {each.started_at for each in past}:
        past.append(_present(record))
    return past


def read_log(task_id: str) -> Log:
    """The lines that a job's attempts wrote, the oldest first: the last `LOG_LINES` of them.

    Raises:
        JobNotFound: no job has this id.
        JobGone: it is past its retention, or was discarded.
        LedgerUnavailable: Redis does not answer.
    """
    find_record(task_id)
    lines = [
        Line(at=_instant(each["at_us"]), attempt=each["attempt"], message=each["message"])
        for each in ledger().log(task_id)
    ]
    return Log(task_id=task_id, lines=lines)


def _past(told: dict[str, Any]) -> Attempt:
    return Attempt(
        attempt=told["attempt"], outcome=told["outcome"], started_at=_instant(told["started_us"]),
        ended_at=_instant(told["ended_us"]), worker=told.get("worker") or None, cause=told.get("cause"),
        error=json.loads(told["error"]) if told.get("error") else None,
    )  # fmt: skip


def _present(record: Record) -> Attempt:
    return Attempt(
        attempt=record.number("attempt"), outcome=record.state.value, ended_at=record.instant("ended"),
        started_at=_instant(record.fields["started"]), worker=record.fields.get("worker") or None,
        cause=None, error=None,
    )  # fmt: skip


def _instant(us: str | int) -> datetime:
    return datetime.fromtimestamp(int(us) / 1e6, UTC)
