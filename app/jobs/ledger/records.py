"""What goes into the ledger and what comes out of it, as values."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal


class State(StrEnum):
    """Celery's own states, which are the job's."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    RETRY = "RETRY"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    REVOKED = "REVOKED"

    @property
    def is_final(self) -> bool:
        return self in FINAL


FINAL = frozenset({State.SUCCESS, State.FAILURE, State.REVOKED})

NEXT: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.STARTED, State.REVOKED}),
    State.STARTED: frozenset({State.PENDING, State.RETRY, *FINAL}),
    State.RETRY: frozenset({State.PENDING, State.REVOKED}),
    State.SUCCESS: frozenset(),
    State.FAILURE: frozenset({State.PENDING}),
    State.REVOKED: frozenset({State.PENDING}),
}
"""The whole state machine; the documentation draws this table. Only a redrive leaves FAILURE or REVOKED."""


@dataclass(frozen=True, kw_only=True)
class Unique:
    """A job that is to be the only one of its kind."""

    kind: str
    """What must be unique: the task and a digest of some of its arguments."""
    while_waiting: bool = False
    """Only until its first attempt starts; else until it has ended."""
    refuse: bool = False
    """A second submit is refused; else it gets the first job."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """How long an ended job can be read back."""

    success: timedelta
    failure: timedelta

    def packed(self) -> str:
        return f"{self.success // _MILLISECOND},{self.failure // _MILLISECOND}"


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A job as it is handed in."""

    id: str
    """At most 255 characters; need not be a UUID."""
    task: str
    queue: str
    arguments: str
    """JSON: an object of named arguments that were checked, or `[args, kwargs]` as a plain Celery
    client sent them, to be checked when the job runs."""
    priority: int = 0
    key: str = ""
    """Jobs of one task and key share a lane."""
    delay: timedelta = timedelta(0)
    """From now on, by Redis's clock."""
    due: datetime | None = None
    """An instant not to start before; wins over `delay`."""
    expires: datetime | None = None
    """An instant after which the job is revoked instead of started."""
    expires_in: timedelta | None = None
    """The same from now on, by Redis's clock; where `expires` is None."""
    options: str = ""
    """JSON object of what else the worker is to know."""
    retention: Retention | None = None
    """None for the settings' `RESULT_TTL` and `FAILURE_TTL`."""
    unique: Unique | None = None
    objective: timedelta | None = None
    """In what time after it could first start the job should have succeeded; counted, and nothing else."""
    wait: Literal["", "fsync", "replica"] = ""
    """What the submit waits for: that Redis's file has the job on disk, or that a replica has it."""
    idempotency_key: str = ""
    """With the same key, task and arguments a submit gets the job that the first one made."""

    def __post_init__(self) -> None:
        """Refuse names that would mix with others.

        Raises:
            ValueError: the task's or the queue's name has a line break.
        """
        if "\n" in self.task or "\n" in self.queue:
            raise ValueError("the name of a task or a queue has no line break")

    @property
    def digest(self) -> str:
        """What an idempotency key stands for."""
        return hashlib.sha256(f"{self.task}\n{self.arguments}".encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What a submit came to."""

    id: str
    """The job that it stands for: another's, where an idempotency key or uniqueness says so."""
    new: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Claimed:
    """A job that a holder has, at one attempt."""

    id: str
    token: str
    """Rises at every claim of the job; only the latest may finish it."""
    task: str
    arguments: str
    attempt: int
    retries: int
    queue: str
    priority: int
    created_us: int
    """When it was accepted: microseconds since the epoch, by Redis's clock."""
    options: str
    ready_us: int = field(default=0, compare=False)
    """Since when it could start; its creation, where it never had to wait for its time or was not given
    back. By Redis's clock, as is what follows."""
    claimed_us: int = field(default=0, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How an attempt ends, as the ledger records it."""

    outcome: State
    """SUCCESS, FAILURE, REVOKED, RETRY, or PENDING for a hand-back."""
    meta: str = ""
    """Celery's result as JSON without `date_done` and `task_id`, still open; '' to publish none."""
    delay: timedelta = timedelta(0)
    """Before a RETRY, or before a job that was handed back may be claimed again."""
    due: datetime | None = None
    arguments: str = ""
    """For RETRY: other arguments for the next attempt; '' for the same."""
    stored: bool = False
    """The result is stored under the job's id and this token: in the database, or in the ledger itself."""
    in_ledger: bool = False
    """Of a stored result: it is in the ledger, and where that lost it, the job is handed back."""
    counts: bool = False
    """For PENDING: it counts as an attempt, since the task's own code handed it back."""
    error: str = ""
    """JSON of what went wrong, for the job's history; '' for nothing."""
    cause: str = ""
    """Why it was ended from outside, for the job's history; '' where it was not."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The jobs of a queue, counted from its orders."""

    accepted: int
    redriven: int
    """Ended jobs that were made ready again."""
    waiting: int
    scheduled: int
    started: int
    retry: int
    success: int
    failure: int
    revoked: int
    bells: int

    @classmethod
    def of(cls, answer: Sequence[int]) -> "Counts":
        """As the script gives them."""
        return cls(**dict(zip(cls.__dataclass_fields__, answer, strict=True)))

    @property
    def gap(self) -> int:
        """Accepted jobs that are nowhere; anything but 0 is a bug."""
        here = self.waiting + self.scheduled + self.started + self.retry
        return self.accepted + self.redriven - here - self.success - self.failure - self.revoked


@dataclass(frozen=True, kw_only=True)
class Load:
    """The work that a queue has for workers."""

    ready: int
    """Jobs that may start now. Among more than 1,000 lanes that limits stop, an estimate."""
    running: int
    due_soon: int
    """Delayed jobs and retries whose time comes within the look-ahead."""
    held: int
    """Ready jobs that may not start, because of a pause or a limit: no number of workers would start them."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A job's record as it lies in the ledger; every field but the first is as Redis holds it."""

    id: str
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> State:
        return State(self.fields["state"])

    @property
    def created_at(self) -> datetime:
        return datetime.fromtimestamp(self.number("created") / 1e6, UTC)

    def number(self, name: str) -> int:
        return int(self.fields.get(name, 0))

    def instant(self, name: str) -> datetime | None:
        """A field that is an instant, or None where it is absent."""
        value = self.fields.get(name)
        return _EPOCH + timedelta(microseconds=min(int(value), _LAST_US)) if value else None


_EPOCH, _MICROSECOND = datetime.fromtimestamp(0, UTC), timedelta(microseconds=1)
_LAST_US = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The scripts count in doubles, which round the last instants of the year 9999 up, to where no date is."""
_MILLISECOND = timedelta(milliseconds=1)


def duration_us(duration: timedelta) -> int:
    """A duration as the scripts take it: microseconds."""
    return duration // _MICROSECOND


def instant_us(instant: datetime | None) -> str:
    """An instant as the scripts take it: microseconds since the epoch, '' for none."""
    return "" if instant is None else str((instant - _EPOCH) // _MICROSECOND)


def expiry_us(job: Submission) -> str:
    """When a submission expires, as its script takes it: an instant, or with '+' a duration."""
    if job.expires is None and job.expires_in is not None:
        return f"+{duration_us(job.expires_in)}"
    return instant_us(job.expires)


def claimed(answer: list[Any]) -> Claimed | None:
    """The job in a script's answer to a holder, if there is one."""
    if len(answer) == 1:
        return None
    texts = [part.decode() for part in answer[1:]]
    return Claimed(
        id=texts[0], token=texts[1], task=texts[2], arguments=texts[3], attempt=int(texts[4]),
        retries=int(texts[5]), queue=texts[6], priority=int(texts[7]), created_us=int(texts[8]),
        options=texts[9], ready_us=int(float(texts[10] or texts[8])), claimed_us=int(texts[11]),
    )  # fmt: skip
