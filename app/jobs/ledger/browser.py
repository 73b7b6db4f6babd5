"""Reading many jobs: pages of a queue's orders, what a queue's tasks wait for, which workers live.

It only reads, and a piece at a time, so that it disturbs nobody however many jobs there are.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from jobs.ledger.records import Record, State
from jobs.ledger.wire import Shared

ORDERS: dict[str, State] = {
    "waiting": State.PENDING, "scheduled": State.PENDING, "started": State.STARTED, "retry": State.RETRY,
    "success": State.SUCCESS, "failure": State.FAILURE, "revoked": State.REVOKED,
}  # fmt: skip
"""The orders of a queue; a job is in exactly one, by its state."""
FIELDS = (
    "task", "queue", "state", "key", "prio", "created", "due", "started", "ended", "attempt", "retries",
    "expires", "worker",
)  # fmt: skip
"""What a page tells of each job."""
PIECE = 200
"""Jobs that one round trip reads."""
_SHELF = re.compile(r"(?<=^scheduled)\n(\d{1,15})\Z")
"""What follows the order's name where delayed jobs lie on a shelf."""


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
class Standing:
    """What may keep a job that waits from being claimed."""

    scheduled: bool
    paused: bool
    """Its queue is, or its task."""
    limited: bool
    """As many jobs of its task, or with its key, run or started as may."""
    running: int
    """Jobs of its queue that run."""


@dataclass(frozen=True, kw_only=True)
class LiveWorker:
    """A worker that renewed its leases of late."""

    id: str
    facts: dict[str, Any]
    tasks: frozenset[str]
    """What it knows; empty where it has not said so yet."""

    def may_know(self, task: str) -> bool:
        return not self.tasks or task in self.tasks


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
        errors: bool = False,
        look_at: int = 2000,
    ) -> Page:
        """At most `limit` jobs of these pairs of queue and order that are wanted.

        Jobs that wait or run come the oldest first, those that ended the latest first. After `look_at`
        jobs a page ends however few were wanted; it then says where to go on. With `errors` each has two
        more fields where they are there, both JSON: `last_attempt`, the last of its history, and `result`.
        """
        found: list[Record] = []
        for place, record in self._walk(where, after, errors=errors):
            look_at -= 1
            if record is not None and (wanted is None or wanted(record)):
                found.append(record)
            if len(found) == limit or not look_at:
                return Page(jobs=found, next=place)
        return Page(jobs=found, next=None)

    def records(self, ids: Sequence[str], *, errors: bool = False) -> list[Record | None]:
        """What a page tells of each of these jobs; None for an unknown id."""
        return [each for piece in batched(ids, PIECE, strict=False) for each in self._records(piece, errors)]

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

    def dead(self, queue: str) -> int:
        """The failed jobs of a queue that can still be read back."""
        return int(self._ask(lambda: self._redis.zcard(self._key("failure", queue))))

    def oldest(self, queue: str) -> datetime | None:
        """Since when the first of a queue's ready jobs could have run, priorities apart."""
        first = self._ask(lambda: self._redis.zrange(self._key("waiting", queue), 0, 0, withscores=True))
        return datetime.fromtimestamp(first[0][1] / 1e6, UTC) if first else None

    def paused(self, queue: str) -> bool:
        return bool(self._ask(lambda: self._redis.hexists(self._key("queue", queue), "paused")))

    def paused_tasks(self) -> frozenset[str]:
        names = self._ask(lambda: self._redis.smembers(f"{self._prefix}paused"))
        return frozenset(name.decode() for name in names)

    def standing(self, job: Record) -> Standing:
        """What may keep a job that waits from being claimed."""
        queue, task, key = job.fields["queue"], job.fields["task"], job.fields.get("key", "")

        def read() -> Any:
            pipe = self._redis.pipeline(transaction=False)
            for order in orders:
                pipe.zscore(self._key(order, queue), job.id)
            pipe.hexists(self._key("queue", queue), "paused")
            pipe.hmget(self._key("parked", queue), task, f"{task}\n{key}")
            pipe.zcard(self._key("started", queue))
            return pipe.execute()

        orders = self._shelved(queue)
        *dues, paused, parked, running = self._ask(read)
        return Standing(
            scheduled=any(due is not None for due in dues), paused=bool(paused) or parked[0] == b"paused",
            limited=any(reason in (b"running", b"rate") for reason in parked), running=running,
        )  # fmt: skip

    def workers(self) -> list[LiveWorker]:
        """The workers that live, by id."""
        listed = self._ask(lambda: self._redis.zrange(f"{self._prefix}workers", 0, -1))
        ids = sorted(name.decode() for name in listed)
        if not ids:
            return []
        told = self._ask(lambda: self._redis.mget([self._key("worker", worker) for worker in ids]))
        facts = {worker: json.loads(said) for worker, said in zip(ids, told, strict=True) if said}
        known = {each["known"]: self._known(each["known"]) for each in facts.values() if "known" in each}
        return [
            LiveWorker(id=worker, facts=said, tasks=known.get(said.get("known", ""), frozenset()))
            for worker, said in facts.items()
        ]

    def _known(self, key: str) -> frozenset[str]:
        return frozenset(name.decode() for name in self._ask(lambda: self._redis.hkeys(key)))

    def _walk(
        self, where: Sequence[tuple[str, str]], after: Place | None, *, errors: bool
    ) -> Iterator[tuple[Place, Record | None]]:
        """Every job from there on; None where it moved on or was trimmed meanwhile."""
        for queue, order in self._from(where, after):
            start = after if after is not None and (queue, order) == (after.queue, after.order) else None
            while members := self._members(queue, order, start):
                places = [Place(queue=queue, order=order, score=score, id=name) for name, score in members]
                for place, record in zip(places, self._records([p.id for p in places], errors), strict=True):
                    here = record is not None and record.state is _state_in(order)
                    yield place, record if here else None
                start = places[-1]

    def _from(self, where: Sequence[tuple[str, str]], after: Place | None) -> Iterator[tuple[str, str]]:
        """The orders to read, from that of a place on; of the scheduled also their shelves."""
        pairs = list(where)
        if after is not None:
            pair = (after.queue, order_of(after.order))
            pairs = pairs[pairs.index(pair) :] if pair in pairs else []
        for queue, order in pairs:
            if order != "scheduled":
                yield queue, order
                continue
            shelf = _shelf(after.order) if after is not None and after.queue == queue else 0
            here: str | None = next((o for o in self._shelved(queue) if _shelf(o) >= shelf), None)
            while here is not None:  # what was read may have become a shelf meanwhile, or gone to a later one
                yield queue, here
                here = next((o for o in self._shelved(queue) if _shelf(o) > _shelf(here)), None)

    def _shelved(self, queue: str) -> list[str]:
        """The orders of a queue's delayed jobs: jobs move from one to a later one alone."""
        shelves = self._ask(lambda: self._redis.zrange(self._key("shelves", queue), 0, -1))
        return ["scheduled", *(f"scheduled\n{shelf}" for shelf in sorted(map(int, shelves)))]

    def _members(self, queue: str, order: str, after: Place | None) -> list[tuple[str, float]]:
        """The next members of an order with their scores.

        By score, and those of one score by their ids: ranks shift while jobs come and go, and the job that a
        place names may have gone, or be at another place by now.
        """
        key, desc = self._key(order, queue), _state_in(order).is_final
        lowest, highest = "-inf", "+inf"
        if after is not None:
            lowest, highest = (lowest, f"{after.score:.0f}") if desc else (f"{after.score:.0f}", highest)
        bounds = (highest, lowest) if desc else (lowest, highest)
        start = 0
        while True:
            piece = self._ask(lambda: self._redis.zrange(
                key, *bounds, byscore=True, desc=desc, offset=start, num=PIECE, withscores=True  # noqa: B023 - called at once
            ))  # fmt: skip
            found = [
                (name.decode(), score) for name, score in piece if _is_behind(after, name, score, desc=desc)
            ]
            if found or len(piece) < PIECE:
                return found
            start += PIECE  # as many jobs have one score

    def _records(self, ids: Sequence[str], errors: bool) -> list[Record | None]:  # noqa: FBT001
        def read() -> Any:
            pipe = self._redis.pipeline(transaction=False)
            for job_id in ids:
                pipe.hmget(self._key("job", job_id), FIELDS)
                if errors:
                    pipe.lindex(self._key("attempts", job_id), -1)
                    pipe.get(f"celery-task-meta-{job_id}")
            return pipe.execute()

        names = (*FIELDS, "last_attempt", "result") if errors else FIELDS
        answers, records = self._ask(read), list[Record | None]()
        for job_id, answer in zip(ids, batched(answers, 3 if errors else 1, strict=True), strict=True):
            values = zip(names, (*answer[0], *answer[1:]), strict=True)
            told = {name: value.decode() for name, value in values if value is not None}
            records.append(Record(id=job_id, fields=told) if "state" in told else None)
        return records

    def _key(self, kind: str, name: str) -> str:
        order, shelf, number = kind.partition("\n")
        return f"{self._prefix}{order}:{name}{shelf}{number}"

    def _ask(self, call: Callable[[], Any]) -> Any:
        return self._shared.attempt(call)


def order_of(place: str) -> str:
    """The order that a place names, or that it names a shelf of."""
    return _SHELF.sub("", place)


def _shelf(order: str) -> int:
    """The number of a shelf of delayed jobs; 0 where they come in."""
    found = _SHELF.search(order)
    return int(found[1]) if found else 0


def _state_in(order: str) -> State:
    return ORDERS[order_of(order)]


def _is_behind(after: Place | None, name: bytes, score: float, *, desc: bool) -> bool:
    if after is None:
        return True
    here, there = (score, name), (after.score, after.id.encode())
    return here < there if desc else here > there
