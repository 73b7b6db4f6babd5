"""One attempt, and what can come of it: a value, matched where it is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from celery.app.task import Context, Task
from celery.exceptions import Ignore, Reject, Retry

from jobs.ledger import Claimed


@dataclass(frozen=True, kw_only=True, slots=True)
class Returned:
    """The function came to its end; `result` is JSON."""

    value: Any
    result: str
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignored:
    """The task wants no result recorded but, maybe, the one that it gave itself (`update_state`)."""

    ignore: Ignore
    state: str
    """The state that it gave itself; '' for none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HandedBack:
    """The task rejected the job and wants it queued again."""

    reject: Reject


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancelled:
    """Somebody cancelled the job, and its function stopped for that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Raised:
    """The function, or what stands around it, raised."""

    error: BaseException
    again: timedelta | None = None
    """The wait before the next attempt, where `@task` says that this is tried again; None: it is final."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedRetry:
    """The task asked for another attempt."""

    retry: Retry


type Outcome = Returned | Raised | AskedRetry | Ignored | HandedBack | Cancelled


@dataclass(kw_only=True, slots=True)
class Attempt:
    """One try at a job: the task, its request, and what came of it."""

    job: Claimed
    task: Task
    request: Context
    options: Mapping[str, Any]
    limits: tuple[float, float]
    """Soft and hard, in seconds; 0 for no limit."""

    @property
    def ignores_result(self) -> bool:
        """Whether its result is not to be kept, as its submit or its task says."""
        return bool(self.request.__dict__.get("ignore_result", self.task.ignore_result))
