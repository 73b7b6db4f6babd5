"""Submitting a job with options of its own: what `Task.with_options` gives.

Knows neither Redis nor Celery: the job is handed to the Celery task that stands behind the task.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypedDict, cast

from jobs.ids import is_queue, queue_rule
from jobs.retry import is_count

if TYPE_CHECKING:
    from jobs.task import Task


class Handle[R](Protocol):
    """What a submit gives: Celery's `AsyncResult`, as far as the platform promises it."""

    id: str

    def get(self, timeout: float | None = None) -> R: ...
    def ready(self) -> bool: ...


class CallOptions(TypedDict, total=False):
    """What a submit may say of its job. None says nothing."""

    delay: timedelta | None
    """Start no sooner than this after the submit."""
    run_at: datetime | None
    """Start no sooner than this instant."""
    expires: timedelta | datetime | None
    """Revoke the job where it has not started by then; a duration counts from the submit."""
    priority: int | None
    """0 to 9; 9 goes first."""
    key: str | None
    """Jobs of one task and key share a lane."""
    max_attempts: int | None
    """Attempts in all, instead of the task's own."""
    time_limit: timedelta | None
    """An attempt that runs longer is killed, instead of the task's own limit."""
    soft_time_limit: timedelta | None
    """An attempt that runs longer is interrupted, instead of the task's own limit."""
    idempotency_key: str | None
    """What a caller sends again with the same wish, so that it makes one job."""
    queue: str | None
    """The queue, instead of the task's own."""
    wait: Literal["fsync", "replica"] | None
    """Give the job back only when Redis's file has it on disk, or a replica has it."""
    using: str | None
    """The database whose transaction `submit_on_commit` waits for; None for `default`."""


KINDS: dict[str, tuple[type, ...]] = {
    "delay": (timedelta,), "run_at": (datetime,), "expires": (timedelta, datetime),
    "priority": (int,), "max_attempts": (int,), "time_limit": (timedelta,), "soft_time_limit": (timedelta,),
    "key": (str,), "idempotency_key": (str,), "queue": (str,), "wait": (str,), "using": (str,),
}  # fmt: skip


def faults(said: Mapping[str, Any]) -> list[str]:
    """What is wrong with the options of a submit, a phrase each; all are of their types."""
    instants = [each for each in said.values() if isinstance(each, datetime)]
    expires = said.get("expires")
    soft, hard = (said.get(name, timedelta.max) for name in ("soft_time_limit", "time_limit"))
    rules = {
        "delay and run_at are two answers to one question": not {"delay", "run_at"} <= said.keys(),
        "delay must not be negative": said.get("delay", timedelta(0)) >= timedelta(0),
        "expires must be positive": not isinstance(expires, timedelta) or expires > timedelta(0),
        "run_at and expires must be aware": all(each.utcoffset() is not None for each in instants),
        "a time limit must be positive": min(soft, hard) > timedelta(0),
        "soft_time_limit must be less than time_limit": soft < hard or timedelta.max in (soft, hard),
        "priority must be from 0 to 9": said.get("priority", 0) in range(10),
        "max_attempts must be 1 or more": is_count(said.get("max_attempts", 1)),
        "wait must be 'fsync' or 'replica'": said.get("wait") in {None, "fsync", "replica"},
        "a text must not be empty": "" not in said.values(),
    }
    found = [fault for fault, holds in rules.items() if not holds]
    if (queue := said.get("queue")) and not is_queue(queue):
        found.append(queue_rule())
    return found


@dataclass(frozen=True, kw_only=True)
class TaskCall[**P, R]:
    """A task and what is said of its next jobs; it can be kept and used any number of times."""

    task: "Task[P, R]"
    options: CallOptions

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            TypeError: one is unknown, or not of its type.
            ValueError: one makes no sense.
        """
        said = self._said()
        for name, value in said.items():
            if name not in KINDS:
                raise TypeError(f"{self.task.name}: there is no option {name!r}")
            if not isinstance(value, KINDS[name]):
                kinds = " or ".join(kind.__name__ for kind in KINDS[name])
                raise TypeError(f"{self.task.name}: {name} must be a {kinds}, not {value!r}")
        if found := faults(said):
            raise ValueError(f"{self.task.name}: {'; '.join(found)}")

    def delay(self, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Submit a job with these arguments.

        Raises:
            TypeError, ArgumentsInvalid: they do not fit the task.
            LedgerUnavailable, LedgerFull: the job was not accepted.
        """
        return cast("Handle[R]", self.task.celery.apply_async(args, kwargs, **self._for_celery()))

    def submit_on_commit(self, *args: P.args, **kwargs: P.kwargs) -> Handle[R]:
        """Submit a job if, and only if, the database's transaction commits; at once where there is none.

        The job's id is chosen and the arguments are checked and copied now. The job is there once the
        transaction has committed; where Redis was away then, or this process died, some seconds after both
        are there again. It never is where the transaction, or a savepoint around this call, was rolled
        back. Waiting for its result before the commit is waiting in vain.

        Raises:
            TypeError, ArgumentsInvalid: the arguments do not fit the task.
            NoDatabase: `DATABASE_URL` is `none`.
            NotMigrated: in a transaction, of a database where `manage.py migrate` was not run.
            LedgerUnavailable, LedgerFull: outside a transaction: the job was not accepted.
        """
        using = self.options.get("using") or "default"
        return cast("Handle[R]", self.task.celery.apply_async(
            args, kwargs, on_commit=using, **self._for_celery()
        ))  # fmt: skip

    def _said(self) -> dict[str, Any]:
        return {name: value for name, value in self.options.items() if value is not None}

    def _for_celery(self) -> dict[str, Any]:
        """The options as `apply_async` names them."""
        names = {"delay": "countdown", "run_at": "eta"}
        return {
            names.get(name, name): value.total_seconds() if isinstance(value, timedelta) else value
            for name, value in self._said().items()
            if name != "using"
        }
