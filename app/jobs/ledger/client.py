"""The ledger as its callers see it: submit, look up, stop, run again, renew, release, tick, count."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import batched
from typing import Any

from jobs.conf import Settings, settings
from jobs.errors import IdempotencyConflict, LedgerFull, NotDurable, NotUnique, QueueFull
from jobs.ledger.browser import Browser
from jobs.ledger.durable import Durably
from jobs.ledger.holder import KnownTasks
from jobs.ledger.packing import pack
from jobs.ledger.records import (
    Accepted,
    Counts,
    Load,
    Record,
    State,
    Submission,
    duration_us,
    expiry_us,
    instant_us,
)  # fmt: skip
from jobs.ledger.scripts import load
from jobs.ledger.stored import StoredResults
from jobs.ledger.watch import Watch
from jobs.ledger.wire import Shared
from jobs.limits import Limits

AT_ONCE = 100
"""Jobs that one script changes, so that Redis answers others in between."""


@dataclass(frozen=True, kw_only=True)
class Ticked:
    """What a tick did."""

    ran: bool
    """False where another tick ran less than a second ago, and nothing is due."""
    more: bool
    """True where more was due than one tick takes."""
    rubbish: int
    """Jobs past their retention whose stored results are still to be deleted from a database."""
    next: timedelta
    """How long until something is due that is known by now."""


class Ledger:
    """The record of every job, in one Redis.

    Every call is answered within about twice `REDIS_TIMEOUT`; one of many jobs is as many calls as it has
    hundreds.

    Raises:
        LedgerUnavailable: from every method, when Redis does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._prefix = settings.PREFIX
        self._shared = Shared(settings)
        self._scripts = load(settings)
        self._redis: Any = self._shared.redis  # its types cannot tell bytes from text
        self._durably = Durably(settings, self._shared)
        self.browse = Browser(self._shared, settings.PREFIX)
        self.watch = Watch(self._shared, settings.PREFIX, self._scripts["count"])
        self.stored = StoredResults(settings, self._shared)

    def submit(self, job: Submission) -> Accepted:
        """Accept a job, once.

        Where its id, its idempotency key or what must be unique was known, nothing is changed, and the
        answer names the job that is there.

        Raises:
            IdempotencyConflict: its idempotency key stands for another task or other arguments.
            NotUnique: it is to be refused where it is not the only one.
            QueueFull: the queue is at its `max_length`.
            LedgerFull: Redis is at `maxmemory`, or close to it.
            NotDurable: it is accepted, and what it waits for was not had in time.
        """
        words, missing = self._submitted(job)
        code, *rest = (word.decode() for word in words)
        match code:
            case "once":
                raise IdempotencyConflict(f"{job.idempotency_key}: it was used for job {rest[0]}.")
            case "unique":
                raise NotUnique(f"{job.task}: job {rest[0]} is there already.")
            case "long":
                raise QueueFull(f"{job.queue}: as many jobs wait as may; nothing was stored.")
            case "full":
                raise LedgerFull("Redis is close to its maxmemory; nothing was stored.")
        if missing:
            raise NotDurable(f"{rest[0]}: {missing}; the job is accepted all the same.", rest[0])
        return Accepted(id=rest[0], new=code == "new")

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

    def attempts(self, job_id: str) -> list[dict[str, Any]]:
        """The job's attempts that ended otherwise than well, the oldest first: the last 20."""
        entries = self._shared.attempt(lambda: self._redis.lrange(f"{self._prefix}attempts:{job_id}", 0, -1))
        return [json.loads(entry) for entry in entries]

    def log(self, job_id: str) -> list[dict[str, Any]]:
        """The lines that the job's attempts wrote, the oldest first."""
        entries = self._shared.attempt(lambda: self._redis.lrange(f"{self._prefix}log:{job_id}", 0, -1))
        return [json.loads(entry) for entry in entries]

    def was_there(self, job_id: str) -> bool:
        """Whether an id that is unknown now was a job's, not longer than `GONE_TTL` past its retention."""
        span = self._settings.GONE_TTL / 4
        if not span:
            return False
        digest = hashlib.sha1(job_id.encode()).hexdigest()[:12]  # noqa: S324 - as the scripts can do it

        def look() -> Any:
            seconds, _ = self._redis.time()
            now = int(seconds / span.total_seconds())
            pipe = self._redis.pipeline(transaction=False)
            for bucket in range(now - 5, now + 2):  # Redis's clock may have been set back
                pipe.sismember(f"{self._prefix}gone:{bucket}", digest)
            return pipe.execute()

        return any(self._shared.attempt(look))

    def note(self, job_id: str, token: str, *, progress: str = "", meta: str = "", line: str = "") -> bool:
        """What a running attempt says of itself; False where it no longer has the job."""
        return bool(self._run("note", job_id, token, progress, meta, line, self._settings.LOG_LINES))

    def announce(self, exchange: str, routing_key: str, message: str) -> None:
        """Publish a message as Celery's transport publishes to a fan-out exchange: to whoever listens now."""
        database = self._redis.connection_pool.connection_kwargs.get("db") or 0
        channel = f"/{database}.{exchange}/{routing_key}"
        self._shared.attempt(lambda: self._redis.publish(channel, message))

    def cancel(self, job_ids: Sequence[str], *, running: bool = True, reason: str = "cancelled") -> list[str]:
        """End jobs that wait, and where `running`, ask the workers of those that run to stop them.

        Where not, what runs may end, and is not tried again.
        Gives a word for each: `revoked`, `asked`, `running` (this attempt may end), `ended`, `unknown`.
        """
        return self._words("cancel", job_ids, reason, int(running))

    def cancels(self) -> dict[str, str]:
        """The running jobs that are to be stopped, each with the token that it was asked of."""
        asked = self._shared.attempt(lambda: self._redis.hgetall(f"{self._prefix}cancels"))
        return {job_id.decode(): token.decode() for job_id, token in asked.items()}

    def redrive(self, job_ids: Sequence[str]) -> list[str]:
        """Run ended jobs again, with a fresh budget of attempts; those that wait for their time, now.

        Gives a word for each: `ready`, `waiting` (it is ready already), `running`, `succeeded`, `unique`
        (another job took its place among the unique ones), `unknown`.
        """
        return self._words("redrive", job_ids)

    def discard(self, job_ids: Sequence[str]) -> list[str]:
        """Forget ended jobs; gives a word for each: `discarded`, `unfinished` (left alone), `unknown`."""
        return self._words("discard", job_ids)

    def pause(self, *, queue: str = "", task: str = "") -> bool:
        """Stop a queue or a task from giving out jobs; what runs goes on. False where it was paused."""
        kind, name = ("queue", queue) if queue else ("task", task)
        return bool(self._run("pause", kind, name, 1))

    def resume(self, *, queue: str = "", task: str = "") -> bool:
        """Let a queue or a task go on; False where it was not paused."""
        kind, name = ("queue", queue) if queue else ("task", task)
        return bool(self._run("pause", kind, name, 0))

    def renew(self, worker: str, facts: str, known: str, holders: Sequence[str]) -> list[str]:
        """Renew the leases of a worker's holders; gives those that were released meanwhile.

        `facts` is JSON about the worker, `known` the key of its `KnownTasks`.
        """
        return [holder.decode() for holder in self._run("renew", worker, facts, known, *holders)]

    def know(self, known: KnownTasks) -> None:
        """Say what the workers of a release know. Each says it as it starts; a claim says it again."""
        self._run("know", known.key, *known.packed)

    def limit(self, known: KnownTasks, task: str, limits: Limits) -> None:
        """Give a task other limits with all workers that know the same tasks, for as long as they live."""
        self.know(known)
        self._run("limit", known.key, task, limits.packed())

    def release(self, cause: str, holders: Sequence[str], worker: str = "") -> int:
        """Take holders out for good, and their worker if it ends; gives how many attempts went back.

        With the cause '' the attempts do not count towards `LOST_LIMIT`.
        """
        return int(self._run("release", cause, worker, *holders)) if holders or worker else 0

    def tick(self, *, force: bool = False) -> Ticked:
        """Move what is due, take back what is lost, ring, trim: a bounded piece, once a second."""
        ran, more, rubbish, next_us = self._run("tick", 1 if force else 0)
        return Ticked(ran=bool(ran), more=bool(more), rubbish=rubbish, next=timedelta(microseconds=next_us))

    def counts(self, queue: str) -> Counts:
        """The jobs of a queue by where they are."""
        return Counts.of(self._run("count", queue))

    def loads(self, queues: Sequence[str], look_ahead: timedelta) -> list[Load]:
        """The work that each of these queues has for workers, all at one instant."""
        found = self._run("load", duration_us(look_ahead), *queues)
        return [Load(**dict(zip(Load.__dataclass_fields__, each, strict=True))) for each in found]

    def queues(self) -> list[str]:
        """Every queue that ever had a job."""
        names = self._shared.attempt(lambda: self._redis.smembers(f"{self._prefix}queues"))
        return sorted(name.decode() for name in names)

    def rubbish(self, limit: int) -> list[tuple[str, int]]:
        """Forgotten jobs whose stored results are to be deleted from a database: id, and token of the last.

        A job that was accepted anew under such an id has higher tokens.
        """
        found = self._shared.attempt(lambda: self._redis.srandmember(f"{self._prefix}rubbish", limit))
        parted = (member.decode().rpartition("\n") for member in found)
        return [(job_id, int(token)) for job_id, _, token in parted]

    def rubbish_gone(self, gone: Iterable[tuple[str, int]]) -> None:
        """These stored results were deleted."""
        members = [f"{job_id}\n{token}" for job_id, token in gone]
        self._shared.attempt(lambda: self._redis.srem(f"{self._prefix}rubbish", *members))

    def ping(self) -> None:
        """Return when Redis answers."""
        self._shared.attempt(self._redis.ping)

    def _job(self, job_id: str) -> str:
        return f"{self._prefix}job:{job_id}"

    def _run(self, script: str, *arguments: str | bytes | int) -> Any:
        return self._shared.run(self._scripts[script], *arguments)

    def _submitted(self, job: Submission) -> tuple[Any, str]:
        """The script's answer, and why it is not as durable as was asked for, if so."""
        if not job.wait:
            return self._run("submit", *_packed(job, self._settings.RECORD_FORMAT)), ""
        packed = _packed(job, self._settings.RECORD_FORMAT)
        return self._durably.run(self._scripts["submit"], packed, job.wait)

    def _words(self, script: str, job_ids: Sequence[str], *options: str | int) -> list[str]:
        """What a script says of each job, asked piece by piece; what was done before a failure stays done."""
        pieces = batched(job_ids, AT_ONCE, strict=False)
        return [word.decode() for piece in pieces for word in self._run(script, *options, *piece)]


def _packed(job: Submission, record_format: int = 1) -> list[str | int]:
    """A submission as its script takes it."""
    packed: list[str | int] = [
        job.id, job.queue, job.task, pack(job.arguments, record_format), job.priority, job.key,
        duration_us(job.delay), instant_us(job.due), expiry_us(job), job.options,
    ]  # fmt: skip
    if job.retention or job.unique or job.idempotency_key or job.objective:
        unique = job.unique
        packed += [
            job.retention.packed() if job.retention else "",
            unique.kind if unique else "", "1" if unique and unique.while_waiting else "",
            "1" if unique and unique.refuse else "",
            job.idempotency_key, job.digest if job.idempotency_key else "",
            duration_us(job.objective) if job.objective else "",
        ]  # fmt: skip
    return packed


@cache
def ledger() -> Ledger:
    """The ledger of this process's settings."""
    return Ledger(settings())
