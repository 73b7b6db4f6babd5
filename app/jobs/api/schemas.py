"""What the API answers, as Pydantic models; OpenAPI shows them."""

from datetime import datetime
from typing import Any

from ninja import Schema
from pydantic import Field

from jobs.ledger import State


class Accepted(Schema):
    """A job was accepted: it is stored, and will end."""

    task_id: str = Field(description="The job's id.", examples=["0c5f3bb1-4f0e-4a3c-9b0a-8a7d6a3f6f5e"])


class StatusBody(Schema):
    """The status of a job."""

    task_id: str
    status: State
    result: Any = Field(
        description="`null` until the job ended. After SUCCESS what the task returned, or, when that"
        " is too large to stand here, where it is stored; after FAILURE or REVOKED an object with"
        " `error` and `message`."
    )


class AttemptBody(Schema):
    """One try at a job."""

    attempt: int = Field(description="Its number; one that was handed back did not count.")
    outcome: str = Field(
        description="`STARTED` while it runs, `SUCCESS`, `FAILURE`, `RETRY`, `REVOKED`; `PENDING` where it"
        " was handed back, `LOST` where its process or worker went away."
    )
    started_at: datetime
    ended_at: datetime | None
    worker: str | None
    cause: str | None = Field(description="Why it was ended from outside.")
    error: dict[str, Any] | None = Field(description="`error` (the class), `message`, `traceback`.")


class ShortBody(Schema):
    """A job in a list."""

    task_id: str
    task: str
    queue: str
    key: str | None
    status: State
    attempt: int = Field(description="The attempt that runs or ran last; 0 before the first.")
    priority: int
    worker: str | None = Field(description="The worker of that attempt.")
    created_at: datetime
    due_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None


class DetailBody(ShortBody):
    """A job, as far as it can be told while it waits, runs or has ended."""

    waits_for: str | None = Field(
        description="What a PENDING or RETRY job waits for: `worker`, `worker that knows the task`, `time`,"
        " `pause`, `limit`."
    )
    retries: int
    lost: int = Field(description="Attempts that were lost with their process or worker.")
    max_attempts: int | None = Field(description="What its submit said instead of its task.")
    expires_at: datetime | None
    cancel_requested: bool = Field(description="It was to be stopped while it ran.")
    progress: dict[str, Any] | None = Field(description="`done`, `total` and `message`, as last reported.")
    attempts: list[AttemptBody] = Field(
        description="The oldest first; those that did not succeed: the last 20."
    )


class LineBody(Schema):
    """One line of a job's log."""

    at: datetime
    attempt: int
    message: str


class LogBody(Schema):
    """What a job's attempts wrote, the oldest first."""

    task_id: str
    lines: list[LineBody]


class JobsBody(Schema):
    """A page of jobs. It may have fewer than its limit, even none, and not be the last."""

    jobs: list[ShortBody]
    next: str | None = Field(description="The cursor of the next page; `null` on the last.")


class DeadLetterBody(ShortBody):
    """A failed job in a list."""

    error: str | None = Field(description="The class of what its last attempt failed with.")
    message: str | None


class DeadLettersBody(Schema):
    """A page of failed jobs, the latest first; else as every page."""

    jobs: list[DeadLetterBody]
    next: str | None = Field(description="The cursor of the next page; `null` on the last.")


class OutcomeBody(Schema):
    """What was done to a job."""

    task_id: str
    outcome: str = Field(description="Of a cancel `revoked` or `asked`; of a retry `ready`.")


class BulkBody(Schema):
    """What was done to many jobs."""

    done: int
    skipped: int = Field(description="Jobs that had moved on when their turn came.")
    next: str | None = Field(description="The cursor to go on with; `null` when all was done.")


class CountsBody(Schema):
    """A queue's jobs by where they are. `accepted`, `redriven` and the three ends only ever rise."""

    accepted: int
    redriven: int
    waiting: int
    scheduled: int
    started: int
    retry: int
    success: int
    failure: int
    revoked: int
    bells: int
    gap: int = Field(description="Accepted jobs that are nowhere; anything but 0 is a bug.")


class LimitsBody(Schema):
    """What the settings say of a queue."""

    max_running: int | None
    max_length: int | None


class WaitingBody(Schema):
    """The ready jobs of one task in a queue."""

    task: str
    waiting: int
    parked: str | None = Field(description="What stops them all: `paused`, `running` or `rate`.")
    known: bool = Field(description="Whether a worker that lives knows the task.")


class QueueBody(Schema):
    """A queue, as it is now."""

    queue: str
    paused: bool
    counts: CountsBody
    dead_letters: int = Field(description="Failed jobs that can still be read back.")
    oldest_at: datetime | None = Field(description="Since when the first of its ready jobs could have run.")
    limits: LimitsBody
    tasks: list[WaitingBody]
    live_workers: int = Field(description="Workers that live, whatever queues they serve.")


class QueuesBody(Schema):
    """Every queue that ever had a job, by name."""

    queues: list[QueueBody]
    paused_tasks: list[str]
    live_workers: int


class PoolLoadBody(Schema):
    """How much work a pool of workers has."""

    pool: str
    queues: list[str]
    load: int = Field(description="Jobs that want a worker's slot: ready, running, and due soon.")
    ready: int = Field(description="Jobs that may start now.")
    running: int
    due_soon: int = Field(
        description="Delayed jobs and retries that are due within `JOBS_LOOK_AHEAD_SECONDS`."
    )
    held: int = Field(
        description="Ready jobs that a pause or a limit stops; more workers would not start them."
    )


class PoolsBody(Schema):
    """Every pool of workers, by name."""

    pools: list[PoolLoadBody]


class QueuePausedBody(Schema):
    """Whether a queue is paused now, and whether this changed it."""

    queue: str
    paused: bool
    changed: bool


class TaskPausedBody(Schema):
    """Whether a task is paused now, and whether this changed it."""

    task: str
    paused: bool
    changed: bool


class OptionsBody(Schema):
    """How a task's jobs are run."""

    priority: int
    max_attempts: int
    retry_delay_seconds: float
    retry_backoff: float
    retry_max_delay_seconds: float
    retry_jitter: float
    retry_on: list[str]
    never_retry_on: list[str]
    time_limit_seconds: float | None
    soft_time_limit_seconds: float | None
    max_running: int | None
    rate: str | None
    key: list[str] = Field(description="The parameters whose values are the job's key.")
    max_running_per_key: int | None
    rate_per_key: str | None
    unique: bool | list[str]
    unique_while: str
    unique_conflict: str
    expires_seconds: float | None
    objective_seconds: float | None
    objective_ratio: float
    result_ttl_seconds: float | None
    failure_ttl_seconds: float | None
    wait: str | None


class TaskBody(Schema):
    """A declared task."""

    name: str
    summary: str
    queue: str
    url: str = Field(description="Where to POST its arguments.")
    options: OptionsBody
    input: dict[str, Any] = Field(description="JSON Schema of its arguments.")
    output: dict[str, Any] = Field(description="JSON Schema of its result.")


class Catalogue(Schema):
    """Every task that this service knows, by name."""

    tasks: list[TaskBody]


class Health(Schema):
    """The answer of a probe."""

    status: str = "ok"


class ProblemBody(Schema):
    """An error, as RFC 9457 has it."""

    type: str = Field(examples=["/problems/arguments-invalid"])
    title: str = Field(description="What kind of error; the same for every error of the type.")
    status: int
    detail: str = Field(description="What was wrong this time.")
    errors: list[dict[str, Any]] = Field([], description="For each field at fault: `loc`, `msg`, `type`.")
