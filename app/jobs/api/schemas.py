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


class DetailBody(Schema):
    """A job, as far as it can be told while it waits, runs or has ended."""

    task_id: str
    task: str
    queue: str
    status: State
    waits_for: str | None = Field(description="What a PENDING job waits for: `worker` or `time`.")
    attempt: int = Field(description="The attempt that runs or ran last; 0 before the first.")
    priority: int
    created_at: datetime
    due_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    progress: dict[str, Any] | None = Field(description="`done`, `total` and `message`, as last reported.")


class OptionsBody(Schema):
    """How a task's jobs are run."""

    max_attempts: int
    retry_delay_seconds: float
    time_limit_seconds: float | None
    soft_time_limit_seconds: float | None
    priority: int


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
