"""The platform's settings: the dict `JOBS` of Django's settings, read once as a frozen model."""

import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self

from django.conf import settings as django_settings
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Pool(BaseModel):
    """Workers that are alike, and are sized together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$")
    queues: tuple[str, ...] = Field(min_length=1)
    objective_seconds: float = Field(300, gt=0)


class QueueLimits(BaseModel):
    """What limits one queue; None for no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    max_running: int | None = Field(None, ge=1)
    max_length: int | None = Field(None, ge=0)


def _named(value: Any) -> Any:
    """`{"emails": {"max_running": 4}}`, also as JSON, as a list of what is said with their names."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error}") from None
    if not isinstance(found, dict):
        return found
    return [
        {"name": name, **limits} if isinstance(limits, dict) else limits for name, limits in found.items()
    ]


class Settings(BaseModel):
    """What `JOBS` may hold. Unknown names are refused, so a typo stops the start."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    REDIS_URL: str
    """The ledger's Redis (7.0 or newer) or Valkey (8 or newer): `redis://…`, `rediss://…`,
    `sentinel://…`."""
    REDIS_USERNAME: str = ""
    """Whom Redis knows the platform as; needs a password. Without it, Redis's default user."""
    REDIS_PASSWORD: str = Field("", repr=False)
    """Redis's password, where `REDIS_URL` has none."""
    REDIS_PASSWORD_FILE: Path | None = None
    """A file with Redis's password, in place of `REDIS_PASSWORD`."""
    REDIS_SENTINEL_PASSWORD: str = Field("", repr=False)
    """The Sentinels' password, where they have one of their own."""
    REDIS_SENTINEL_PASSWORD_FILE: Path | None = None
    """A file with the Sentinels' password, in place of `REDIS_SENTINEL_PASSWORD`."""
    REDIS_CA_FILE: Path | None = None
    """The certificates, as PEM, that Redis's own is held to where the address is `rediss://…`; without it,
    the system's."""
    PREFIX: str = Field("tb:", pattern=r"^[\w.:{}-]{1,32}$")
    """What every key of the ledger starts with; bells and results keep Celery's own names."""
    CELERY_APP: str = "djangoNinja:app"
    """The Celery application, as `module:attribute`; it is loaded when a task is first used through it."""
    TASK_PACKAGES: tuple[str, ...] = ("tasks",)
    """Packages whose modules are all imported at start, for the tasks that they declare."""
    DEFAULT_QUEUE: str = "celery"
    """The queue of a task that names none."""
    BODY_LIMIT_BYTES: int = Field(10 * 1024 * 1024, gt=0)
    """Largest request body that a submit accepts."""
    INLINE_RESULT_BYTES: int = Field(64 * 1024, ge=0)
    """Largest result that stands in its status, as JSON; a larger one is stored: in the database, or where
    there is none, in Redis."""
    STORED_RESULT_BYTES: int = Field(64 * 1024 * 1024, ge=0)
    """Largest result that is stored in Redis, where there is no database; a larger one fails its job."""
    RESULT_TTL: timedelta = Field(timedelta(days=1), gt=timedelta(0))
    """How long a job that succeeded can be read back."""
    FAILURE_TTL: timedelta = Field(timedelta(days=7), gt=timedelta(0))
    """How long a job that failed or was revoked can be read back."""
    GONE_TTL: timedelta = Field(timedelta(days=7), ge=timedelta(0))
    """How long after its retention a job's id is still told apart from one that never was; 0 for not at
    all. An id takes about 60 bytes."""
    IDEMPOTENCY_TTL: timedelta = Field(timedelta(days=1), gt=timedelta(0))
    """How long an `Idempotency-Key` stands for the job that it was first used for."""
    QUEUES: Annotated[tuple[QueueLimits, ...], BeforeValidator(_named)] = ()
    """Limits of queues, by name: `{"emails": {"max_running": 4, "max_length": 10000}}`; in the environment
    as JSON. `max_running`: jobs that run at once; `max_length`: jobs that wait, beyond which a submit is
    refused."""
    POOLS: Annotated[tuple[Pool, ...], BeforeValidator(_named)] = ()
    """The pools of workers, by name, each with its queues: `{"reports": {"queues": ["reports"],
    "objective_seconds": 60}}`; in the environment as JSON. Their load sizes them; a ready job that waits for
    longer than the objective, 300 s if none is set, raises an alert. Without: `default`, which serves
    `DEFAULT_QUEUE`."""
    POOLS_TOKEN: str = Field("", repr=False)
    """What `/api/pools/` asks for, as a bearer token; empty: nothing."""
    POOLS_TOKEN_FILE: Path | None = None
    """A file with it, in place of `POOLS_TOKEN`; read at each call."""
    LOOK_AHEAD: timedelta = Field(timedelta(seconds=30), ge=timedelta(0))
    """How long before it is due a delayed job counts in its pool's load: a worker takes that to start."""
    RECORD_FORMAT: int = Field(1, ge=1, le=2)
    """The format in which jobs are recorded. 2 packs long arguments; write it once every process of the
    installation reads it (docs/explanation/upgrades.md)."""
    MEMORY_GUARD: float = Field(0.9, gt=0, le=1)
    """Share of Redis's `maxmemory` above which submits are refused, so that what runs can end."""
    METRICS_TOKEN: str = Field("", repr=False)
    """What `/metrics` and `/metrics/ledger` ask for, as a bearer token, a worker's `/metrics` too; empty:
    nothing."""
    METRICS_TOKEN_FILE: Path | None = None
    """A file with it, in place of `METRICS_TOKEN`; read at each call."""
    WORKER_METRICS_PORT: int | None = Field(None, ge=1, le=65535)
    """Where a worker tells its own metrics, on `/metrics`: each worker of a machine another port. One that is
    taken stops the start. Unset: nowhere."""
    WORKER_METRICS_ADDRESS: str = ""
    """The one address of this machine at which that port is open. Empty: at all."""
    MEASURES: bool = True
    """Whether the ledger counts what happens to jobs, and how long it takes, for `/metrics/ledger`."""
    TRACES: bool = False
    """Whether there are traces. OpenTelemetry's own variables say it: an address of a collector, or
    `OTEL_TRACES_EXPORTER=otlp` (docs/howto/tracing.md)."""
    LOG_LINES: int = Field(1000, ge=0)
    """Lines of its log that a job keeps: the latest."""
    CANCEL_GRACE: timedelta = Field(timedelta(seconds=1), ge=timedelta(0))
    """How long a cancelled job has before it is interrupted, and then again before it is ended by force."""
    LEASE: timedelta = Field(timedelta(seconds=20), ge=timedelta(seconds=2))
    """How long a worker's silence is borne before its jobs are given to others."""
    RENEW_EVERY: timedelta = Field(timedelta(seconds=4), gt=timedelta(0))
    """How often a worker renews its leases; at most a third of `LEASE`."""
    SLICE: timedelta = Field(timedelta(seconds=1), gt=timedelta(0))
    """How long a pool process goes on claiming before it returns to its pool."""
    LOST_LIMIT: int = Field(3, ge=1)
    """Attempts that may be lost with their process before the job fails for good."""
    PRIORITY_AGEING: timedelta = Field(timedelta(hours=1), ge=timedelta(0))
    """How much longer one step of priority makes a job seem to have waited."""
    SHUTDOWN: timedelta | None = Field(None, ge=timedelta(0))
    """How long what runs may go on when its worker is told to stop; then it is handed back to its queue.
    Unset: until it ends."""
    HEALTH_DIR: Path | None = None
    """Where a worker keeps its files `alive` and `ready`, which `probe.py` reads; made if absent. Each worker
    its own. Unset: no files."""
    WAIT_TIMEOUT: timedelta = Field(timedelta(seconds=3), gt=timedelta(0))
    """How long a submit that asks for more durability (`wait`) waits for it. With `appendfsync everysec`
    Redis's file takes up to about two seconds."""
    REDIS_TIMEOUT: timedelta = Field(timedelta(milliseconds=800), gt=timedelta(0))
    """How long one call to Redis may take; a call is tried twice."""

    @classmethod
    def is_duration(cls, name: str) -> bool:
        """Whether a field is a duration: its environment variable ends in `_SECONDS`."""
        return cls.model_fields[name].annotation in {timedelta, timedelta | None}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.RENEW_EVERY * 3 > self.LEASE:
            raise ValueError("RENEW_EVERY must be at most a third of LEASE")
        return self


@cache
def settings() -> Settings:
    """The settings, checked.

    Raises:
        pydantic.ValidationError: a value is out of its range, or a name is unknown.
    """
    return Settings.model_validate(django_settings.JOBS)
