"""Every error of the platform, in one tree. A class is a problem type: its docstring is the title.

JobsError                   500  internal-error
├── DeclarationError        500  task-declaration     (at start, never over HTTP)
├── NotMigrated             500  not-migrated
├── NoDatabase              500  no-database
├── ResultTooLarge          500  result-too-large     (as a job's error, never over HTTP)
├── CanvasRefused           400  canvas-refused
├── BodyMalformed           400  body-malformed
├── BodyTooLarge            413  body-too-large
├── ArgumentsInvalid        422  arguments-invalid
├── ParametersInvalid       422  parameters-invalid
├── Unauthorized            401  unauthorized
├── TaskNotFound            404  task-not-found
├── QueueNotFound           404  queue-not-found
├── PoolNotFound            404  pool-not-found
├── JobNotFound             404  job-not-found
├── ResultNotStored         404  result-not-stored
├── IdempotencyConflict     409  idempotency-conflict
├── NotUnique               409  not-unique
├── JobEnded                409  job-ended
├── JobUnfinished           409  job-unfinished
├── JobGone                 410  job-gone
├── QueueFull               429  queue-full
├── LedgerFull              429  ledger-full
├── LedgerUnavailable       503  ledger-unavailable
└── NotDurable              503  not-durable
"""

from typing import Any, ClassVar


class JobsError(Exception):
    """Something went wrong inside the platform."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal-error"
    retry_after_seconds: ClassVar[int | None] = None
    """What a client is told to wait before it tries again; None where trying again is useless."""
    headers: ClassVar[dict[str, str]] = {}
    """Other headers of the answer."""

    def __init__(self, detail: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []
        """One entry for each field at fault: `loc` (path of keys and indexes), `msg`, `type`."""

    @property
    def more(self) -> dict[str, Any]:
        """What else its problem says, by field."""
        return {}

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or "").strip().splitlines()[0]


class DeclarationError(JobsError):
    """A task is declared wrongly."""

    slug = "task-declaration"


class NotMigrated(JobsError):
    """The database lacks a table of the platform."""

    slug = "not-migrated"


class NoDatabase(JobsError):
    """This needs a database, and there is none."""

    slug = "no-database"


class ResultTooLarge(JobsError):
    """The result is larger than may be stored without a database."""

    slug = "result-too-large"


class CanvasRefused(JobsError):
    """Links, chains, groups and chords are not supported yet."""

    status, slug = 400, "canvas-refused"


class BodyMalformed(JobsError):
    """The body is not a JSON text."""

    status, slug = 400, "body-malformed"


class BodyTooLarge(JobsError):
    """The body is too large."""

    status, slug = 413, "body-too-large"


class ArgumentsInvalid(JobsError):
    """The arguments do not fit the task."""

    status, slug = 422, "arguments-invalid"


class ParametersInvalid(JobsError):
    """The parameters of the query, or a header, do not fit."""

    status, slug = 422, "parameters-invalid"


class Unauthorized(JobsError):
    """Who asks must show a token."""

    status, slug = 401, "unauthorized"
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": "Bearer"}


class TaskNotFound(JobsError):
    """No task has this name."""

    status, slug = 404, "task-not-found"


class QueueNotFound(JobsError):
    """No queue of this name ever had a job."""

    status, slug = 404, "queue-not-found"


class PoolNotFound(JobsError):
    """No pool of workers has this name."""

    status, slug = 404, "pool-not-found"


class JobNotFound(JobsError):
    """No job has this id."""

    status, slug = 404, "job-not-found"


class ResultNotStored(JobsError):
    """This job has no stored result."""

    status, slug = 404, "result-not-stored"


class IdempotencyConflict(JobsError):
    """This idempotency key stands for another submit."""

    status, slug = 409, "idempotency-conflict"


class NotUnique(JobsError):
    """A job that must be the only one of its kind is there already."""

    status, slug = 409, "not-unique"


class JobEnded(JobsError):
    """This job has ended, and what was asked needs one that can still run."""

    status, slug = 409, "job-ended"


class JobUnfinished(JobsError):
    """This job has not ended, and what was asked needs one that has."""

    status, slug = 409, "job-unfinished"


class JobGone(JobsError):
    """This job is past its retention."""

    status, slug = 410, "job-gone"


class QueueFull(JobsError):
    """The queue is at its length."""

    status, slug, retry_after_seconds = 429, "queue-full", 10


class LedgerFull(JobsError):
    """Redis has no memory left for another job."""

    status, slug, retry_after_seconds = 429, "ledger-full", 30


class NotDurable(JobsError):
    """The job was accepted, but not made as durable in time as was asked for."""

    status, slug = 503, "not-durable"

    def __init__(self, detail: str, task_id: str) -> None:
        super().__init__(detail)
        self.task_id = task_id

    @property
    def more(self) -> dict[str, Any]:
        return {"task_id": self.task_id}


class LedgerUnavailable(JobsError):
    """Redis does not answer."""

    status, slug, retry_after_seconds = 503, "ledger-unavailable", 5
