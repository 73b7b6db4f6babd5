"""The platform's settings: the dict `JOBS` of Django's settings, read once as a frozen model."""

from datetime import timedelta
from functools import cache
from typing import Self

from django.conf import settings as django_settings
from pydantic import BaseModel, ConfigDict, Field, model_validator


class Settings(BaseModel):
    """What `JOBS` may hold. Unknown names are refused, so a typo stops the start."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    REDIS_URL: str
    """The ledger's Redis (7.0 or newer) or Valkey (8 or newer): `redis://…`, `rediss://…`."""
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
    """Largest result that is kept in Redis, as JSON; a larger one goes to the database."""
    RESULT_TTL: timedelta = Field(timedelta(days=1), gt=timedelta(0))
    """How long a job that succeeded can be read back."""
    FAILURE_TTL: timedelta = Field(timedelta(days=7), gt=timedelta(0))
    """How long a job that failed or was revoked can be read back."""
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
    REDIS_TIMEOUT: timedelta = Field(timedelta(milliseconds=800), gt=timedelta(0))
    """How long one call to Redis may take; a call is tried twice."""

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
