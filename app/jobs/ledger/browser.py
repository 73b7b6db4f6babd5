"""Reading many jobs: pages of a queue's orders, what a queue's tasks wait for, which workers live.

It only reads, and a piece at a time, so that it disturbs nobody however many jobs there are.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from jobs.ledger.records import Record, State
from jobs.ledger.wire import Shared

ORDERS: dict[str, State] = {
    "waiting": State.PENDING, "scheduled": State.PENDING, "started": State.STARTED, "retry": State.RETRY,
    "success": State.SUCCESS, "failure": State.FAILURE, "revoked": State.REVOKED,
}  # fmt: skip
"""The orders of a queue; a job is in exactly one, by its state."""
FIELDS = (
    "task", "queue", "state", "key", "prio", "created", "due", "started", "ended", "attempt", "worker",
)  # fmt: skip
"""What a page tells of each job."""
PIECE = 200
"""Jobs that one round trip reads."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a page ended: the next one starts after this job of this order."""

    queue: str
    order: str
    score: float
    id: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some jobs, and where to go on; None where there are no more."""

    jobs: list[Record]
    next: Place | None


@dataclass(frozen=True, kw_only=True)
class WaitingTask:
    """The ready jobs of one task in one queue."""

    task: str
    waiting: int
    parked: str | None
    """What stops all of them: `paused`, `running` (as many run as may), `rate`; None for nothing."""


@dataclass(frozen=True, kw_only=True)
class LiveWorker:
    """A worker that renewed its leases of late."""

    id: str
    facts: dict[str, Any]
    tasks: frozenset[str]


class Browser:
    """Reads a ledger."""

    def __init__(self, shared: Shared, prefix: str) -> None:
        self._shared, self._redis, self._prefix = shared, shared.redis, prefix

    def page(
        self,
        where: Sequence[tuple[str, str]],
        *,
        after: Place | None = None,
        limit: int,
        wanted: Callable[[Record], bool] | None = None,
        look_at: int = 2000,
    ) -> Page:
        """At most `limit` jobs of these pairs of queue and order that are wanted.

        Jobs that wait or run come the oldest first, those that ended the latest first. After `look_at`
        jobs a page ends however few were wanted; it then says where to go on.
        """
        found: list[Record] = []
        for place, record in self._walk(where, after):
            look_at -= 1
            if record is not None and (wanted is None or wanted(record)):
                found.append(record)
            if len(found) == limit or not look_at:
                return Page(jobs=found, next=place)
        return Page(jobs=found, next=None)

    def waiting_tasks(self, queue: str) -> list[WaitingTask]:
        """The tasks that have ready jobs in a queue, by name."""

        def read() -> Any:
            pipe = self._redis.pipeline(transaction=False)
            pipe.hgetall(self._key("tasks", queue))
            pipe.hmget(self._key("parked", queue), *names) if names else pipe.ping()
            return pipe.execute()

        names = sorted(
            name.decode() for name in self._ask(lambda: self._redis.hkeys(self._key("tasks", queue)))
        )
        counted, parked = self._ask(read)
        stopped = dict(zip(names, parked if names else [], strict=True))
        return [
            WaitingTask(
                task=name, waiting=int(counted[name.encode()]),
                parked=stopped[name].decode() if stopped[name] else None,
            )
            for name in names
            if name.encode() in counted
        ]  # fmt: skip

    def oldest(self, queue: str) -> datetime | None:
        """Since when the first of a queue's ready jobs could have run, priorities apart."""
        first = self._ask(lambda: self._redis.zrange(self._key("waiting", queue), 0, 0, withscores=True))
        return datetime.fromtimestamp(first[0][1] / 1e6, UTC) if first else None

    def paused(self, queue: str) -> bool:
        return bool(self._ask(lambda: self._redis.hexists(self._key("queue", queue), "paused")))

    def paused_tasks(self) -> frozenset[str]:
        names = self._ask(lambda: self._redis.smembers(f"{self._prefix}paused"))
        return frozenset(name.decode() for name in names)

    def workers(self) -> list[LiveWorker]:
        """The workers that live, by id."""
        ids = sorted(
            name.decode() for name in self._ask(lambda: self._redis.zrange(f"{self._prefix}workers", 0, -1))
        )
        found = []
        for worker in ids:
            told = self._ask(lambda: self._redis.get(self._key("worker", worker)))  # noqa: B023 - called at once
            if told:
                facts = json.loads(told)
                known = self._ask(lambda: self._redis.hkeys(facts["known"])) if "known" in facts else []  # noqa: B023
                tasks = frozenset(name.decode() for name in known)
                found.append(LiveWorker(id=worker, facts=facts, tasks=tasks))
        return found

    def _walk(
        self, where: Sequence[tuple[str, str]], after: Place | None
    ) -> Iterator[tuple[Place, Record | None]]:
        """Every job from there on; None where it moved on or was trimmed meanwhile."""
        pairs = list(where)
        if after is not None:
            pair = (after.queue, after.order)
            pairs = pairs[pairs.index(pair) :] if pair in pairs else []
        for queue, order in pairs:
            start = after if after is not None and (queue, order) == (after.queue, after.order) else None
            while members := self._members(queue, order, start):
                places = [Place(queue=queue, order=order, score=score, id=name) for name, score in members]
                for place, record in zip(places, self._records([p.id for p in places]), strict=True):
                    here = record is not None and record.state is ORDERS[order]
                    yield place, record if here else None
                start = places[-1]

    def _members(self, queue: str, order: str, after: Place | None) -> list[tuple[str, float]]:
        """The next members of an order with their scores."""
        key, latest_first = self._key(order, queue), ORDERS[order].is_final
        rank, lowest, highest = None, "-inf", "+inf"
        if after is not None:
            ranked = self._redis.zrevrank if latest_first else self._redis.zrank
            rank = self._ask(lambda: ranked(key, after.id))
            if rank is None:  # it moved on: the others are still behind its score
                bound = f"({after.score:.0f}"
                lowest, highest = ("-inf", bound) if latest_first else (bound, "+inf")
        first = 0 if rank is None else rank + 1

        def read() -> Any:
            if rank is not None or after is None:
                return self._redis.zrange(key, first, first + PIECE - 1, desc=latest_first, withscores=True)
            if latest_first:
                return self._redis.zrevrangebyscore(key, highest, lowest, start=0, num=PIECE, withscores=True)
            return self._redis.zrangebyscore(key, lowest, highest, start=0, num=PIECE, withscores=True)

        return [(name.decode(), score) for name, score in self._ask(read)]

    def _records(self, ids: Sequence[str]) -> list[Record | None]:
        def read() -> Any:
            pipe = self._redis.pipeline(transaction=False)
            for job_id in ids:
                pipe.hmget(self._key("job", job_id), FIELDS)
            return pipe.execute()

        records: list[Record | None] = []
        for job_id, values in zip(ids, self._ask(read), strict=True):
            told = {
                name: value.decode() for name, value in zip(FIELDS, values, strict=True) if value is not None
            }
            records.append(Record(id=job_id, fields=told) if "state" in told else None)
        return records

    def _key(self, kind: str, name: str) -> str:
        return f"{self._prefix}{kind}:{name}"

    def _ask(self, call: Callable[[], Any]) -> Any:
        return self._shared.attempt(call)
