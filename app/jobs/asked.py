"""What a submit over HTTP asks for its job: the parameters of its query, and its `Idempotency-Key`."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from jobs.parameters import MODEL, Given, Queue, Text, misfit, read, refused
from jobs.submit import Asked

LONGEST = timedelta(days=3650)
"""How far ahead an instant may lie."""
NO_INSTANT = "it must be ISO 8601 with an offset, such as 2026-11-22T17:00:00Z (a + in a URL is written %2B)"
IDEMPOTENCY_KEY = "Idempotency-Key"
IDEMPOTENCY_KEY_LENGTH = 255
CARRIED = {"max_attempts", "time_limit", "soft_time_limit"}
"""Parameters that go with the job to its worker."""


def _instant(text: str) -> datetime:
    """An instant as ISO 8601 has it; pydantic would take a number for one, too."""
    try:
        instant = datetime.fromisoformat(text)
        ahead = instant - datetime.now(UTC)  # refuses one without an offset
    except (ValueError, TypeError, OverflowError):
        raise refused("instant", NO_INSTANT) from None
    if ahead > LONGEST:
        raise refused("instant", f"it must be at most {LONGEST.days} days ahead")
    return instant


Seconds = Annotated[float, Field(le=LONGEST.total_seconds(), allow_inf_nan=False)]
Instant = Annotated[datetime, BeforeValidator(_instant)]


class SubmitParameters(BaseModel):
    """What a submit may say of its job in the query."""

    model_config = MODEL

    delay: Annotated[Seconds, Field(ge=0)] | None = None
    """Seconds from now before which the job does not start."""
    run_at: Instant | None = None
    """Instant before which it does not start: ISO 8601 with an offset. Not with `delay`."""
    expires: Annotated[Seconds, Field(gt=0)] | None = None
    """Seconds from now after which it is revoked instead of started."""
    priority: Annotated[int, Field(ge=0, le=9)] | None = None
    """0 to 9; 9 goes first."""
    key: Text | None = None
    """Jobs of one task and key share a lane, and limits per key hold for them."""
    max_attempts: Annotated[int, Field(ge=1)] | None = None
    """Attempts in all, instead of the task's own."""
    time_limit: Annotated[Seconds, Field(gt=0)] | None = None
    """Seconds after which an attempt's process is killed, instead of the task's own."""
    soft_time_limit: Annotated[Seconds, Field(gt=0)] | None = None
    """Seconds after which an attempt is interrupted, instead of the task's own. Less than `time_limit`."""
    queue: Queue | None = None
    """The queue, instead of the task's own."""
    wait: Literal["fsync", "replica"] | None = None
    """Answer only when Redis's file has the job on disk, or a replica has it; 503 with the job's `task_id`
    where that cannot be had in time."""

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if self.delay is not None and self.run_at is not None:
            raise refused("two_starts", "delay and run_at are two answers to one question")
        if self.soft_time_limit and self.time_limit and self.soft_time_limit >= self.time_limit:
            raise refused("limits", "soft_time_limit must be less than time_limit")
        return self


def asked(given: Given, idempotency_key: str | None) -> Asked:
    """What a submit asks with these parameters and this header.

    Raises:
        ParametersInvalid: a parameter is unknown or does not fit, or the header does not.
    """
    said = read(SubmitParameters, given)
    options = said.model_dump(include=CARRIED, exclude_none=True)
    return Asked(
        queue=said.queue, priority=said.priority, key=said.key, wait=said.wait,
        delay=timedelta(seconds=said.delay or 0), run_at=said.run_at,
        expires=None if said.expires is None else timedelta(seconds=said.expires),
        idempotency_key="" if idempotency_key is None else _checked(idempotency_key),
        options=json.dumps(options, separators=(",", ":")) if options else "",
    )  # fmt: skip


def _checked(key: str) -> str:
    if not 0 < len(key) <= IDEMPOTENCY_KEY_LENGTH or not (key.isascii() and key.isprintable()):
        raise misfit(
            IDEMPOTENCY_KEY, f"it must be 1 to {IDEMPOTENCY_KEY_LENGTH} printable characters of ASCII"
        )
    return key
