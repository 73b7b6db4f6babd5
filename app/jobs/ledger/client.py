"""The ledger as its callers see it: submit, look up, renew, release, tick, count."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jobs.conf import Settings, settings
from jobs.ledger.records import Counts, Record, State, Submission, duration_us, instant_us
from jobs.ledger.scripts import load
from jobs.ledger.wire import Shared


@dataclass(frozen=True, kw_only=True)
class Ticked:
    """What a tick did."""

    ran: bool
    """False where another tick ran less than a second ago."""
    more: bool
    """True where more was due than one tick takes."""
    rubbish: int
    """Jobs past their retention whose stored results are still to be deleted."""


class Ledger:
    """The record of every job, in one Redis.

    Every call is answered within about twice `REDIS_TIMEOUT`.

    Raises:
        LedgerUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._prefix = settings.PREFIX
        self._shared = Shared(settings)
        self._scripts = load(settings)
        self._redis: Any = self._shared.redis  # its types cannot tell bytes from text

    def submit(self, job: Submission) -> bool:
        """Accept a job, once: False where its id was known, and then nothing is changed.

        Raises:
            LedgerFull: Redis is at `maxmemory`.
        """
        return bool(self._run(
            "submit", job.id, job.queue, job.task, job.arguments, job.priority, job.key,
            duration_us(job.delay), instant_us(job.due), instant_us(job.expires), job.options,
        ))  # fmt: skip

    def status(self, job_id: str) -> tuple[State, Any] | None:
        """A job's state and Celery's result as it is published; None for an unknown id."""

        def look() -> Any:
            pipe = self._redis.pipeline(transaction=False)
            pipe.hget(self._job(job_id), "state")
            pipe.get(f"celery-task-meta-{job_id}")
            return pipe.execute()

        state, meta = self._shared.attempt(look)
        if state is None:
            return None
        found = State(state.decode())
        published = json.loads(meta) if meta and found.is_final else None
        # A job whose result is ignored may have left a state of its own there.
        return found, published if published and published["status"] == found else None

    def record(self, job_id: str) -> Record | None:
        """A job's whole record; None for an unknown id."""
        fields = self._shared.attempt(lambda: self._redis.hgetall(self._job(job_id)))
        if not fields:
            return None
        return Record(id=job_id, fields={name.decode(): value.decode() for name, value in fields.items()})

    def note(self, job_id: str, token: str, *, progress: str = "", meta: str = "") -> bool:
        """What a running attempt says of itself; False where it no longer has the job."""
        return bool(self._run("note", job_id, token, progress, meta))

    def renew(self, worker: str, facts: str, holders: Sequence[str]) -> list[str]:
        """Renew the leases of a worker's holders; gives those that were released meanwhile."""
        return [holder.decode() for holder in self._run("renew", worker, facts, *holders)]

    def release(self, cause: str, holders: Sequence[str]) -> int:
        """Take holders out for good; gives how many running attempts went back to their queues.

        With the cause '' the attempts do not count towards `LOST_LIMIT`.
        """
        return int(self._run("release", cause, *holders)) if holders else 0

    def tick(self, *, force: bool = False) -> Ticked:
        """Move what is due, take back what is lost, ring, trim: a bounded piece, once a second."""
        ran, more, rubbish = self._run("tick", 1 if force else 0)
        return Ticked(ran=bool(ran), more=bool(more), rubbish=rubbish)

    def counts(self, queue: str) -> Counts:
        """The jobs of a queue by where they are."""
        return Counts(**dict(zip(Counts.__dataclass_fields__, self._run("count", queue), strict=True)))

    def queues(self) -> list[str]:
        """Every queue that ever had a job."""
        names = self._shared.attempt(lambda: self._redis.smembers(f"{self._prefix}queues"))
        return sorted(name.decode() for name in names)

    def rubbish(self, limit: int) -> list[str]:
        """Ids of jobs past their retention whose stored results are to be deleted."""
        ids = self._shared.attempt(lambda: self._redis.srandmember(f"{self._prefix}rubbish", limit))
        return [job_id.decode() for job_id in ids]

    def rubbish_gone(self, job_ids: Iterable[str]) -> None:
        """The stored results of these jobs were deleted."""
        ids = list(job_ids)
        self._shared.attempt(lambda: self._redis.srem(f"{self._prefix}rubbish", *ids))

    def ping(self) -> None:
        """Return when Redis answers."""
        self._shared.attempt(self._redis.ping)

    def _job(self, job_id: str) -> str:
        return f"{self._prefix}job:{job_id}"

    def _run(self, script: str, *arguments: str | bytes | int) -> Any:
        return self._shared.run(self._scripts[script], *arguments)


@cache
def ledger() -> Ledger:
    """The ledger of this process's settings."""
    return Ledger(settings())
