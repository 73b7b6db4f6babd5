"""What a ledger shows to whoever watches it: its counters, its queues and its Redis, in few round trips.

What it costs is a matter of how many queues and tasks there are, and not of jobs.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import batched
from typing import Any

from redis.exceptions import NoScriptError, ResponseError

from jobs.ledger.records import Counts
from jobs.ledger.scripts import Script
from jobs.ledger.tally import Seen, seen
from jobs.ledger.wire import Shared

PIECE = 100
"""Queues that two round trips read."""


@dataclass(frozen=True, kw_only=True)
class QueueSeen:
    """A queue as it is now, and what happened in it."""

    queue: str
    counts: Counts
    dead_letters: int
    paused: bool
    oldest: timedelta
    """How long the first of its ready jobs could have run; 0 where none is ready."""
    ready: Mapping[str, int]
    """Ready jobs by task."""
    seen: Sequence[Seen]
    nth: int
    """Its place among the queues of the ledger as they came, from 1; 0 where an earlier release met it."""


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """What keeps a ledger going: its clock, its leases, its bells, its Redis."""

    round_trip: timedelta
    leases: int
    leases_lost: int
    ticks: int
    since_tick: timedelta | None
    """None: there was none yet."""
    bells: int
    """That the ledger has rung."""
    workers: int
    redis: Mapping[str, Any]
    """As Redis's INFO has it."""
    fsync: str
    """Its `appendfsync`; empty where it does not say."""


class Watch:
    """Reads a ledger for whoever watches it."""

    def __init__(self, shared: Shared, prefix: str, count: Script) -> None:
        self._shared, self._redis, self._prefix, self._count = shared, shared.redis, prefix, count

    def queues(self, names: Sequence[str]) -> list[QueueSeen]:
        """Each of these queues, at an instant of its own."""
        found = []
        for start in range(0, len(names), PIECE):
            piece = names[start : start + PIECE]
            now, *told, tasks = self._asked(partial(self._read, piece))
            each = len(told) // len(piece)
            for name, known, some in zip(piece, tasks, batched(told, each, strict=True), strict=True):
                found.append(_queue(name, now, some, known))
        return found

    def pulse(self) -> Pulse:
        """How the ledger and its Redis are."""

        def read() -> Any:
            pipe = self._redis.pipeline(transaction=False)
            pipe.time()
            pipe.hmget(f"{self._prefix}tick", "at", "whole", "leases_lost")
            pipe.zcard(f"{self._prefix}leases")
            pipe.get(f"{self._prefix}bells")
            pipe.zcard(f"{self._prefix}workers")
            pipe.info()
            return pipe.execute()

        began = time.perf_counter()
        now, (at, ticks, lost), leases, bells, workers, info = self._asked(read)
        took = timedelta(seconds=time.perf_counter() - began)
        return Pulse(
            round_trip=took, leases=leases, leases_lost=int(lost or 0), ticks=int(ticks or 0),
            since_tick=_since(at, now) if at else None,
            bells=int(bells or 0), workers=workers, redis=info, fsync=self._asked(self._fsync),
        )  # fmt: skip

    def _fsync(self) -> str:
        try:
            return str(self._redis.config_get("appendfsync").get("appendfsync", ""))
        except ResponseError:  # it is not for everybody to ask
            return ""

    def _read(self, names: Sequence[str]) -> Any:
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.smembers(f"{self._prefix}seen:{name}")
        tasks = [sorted(found) for found in pipe.execute()]
        pipe.time()
        for name, known in zip(names, tasks, strict=True):
            rows = [f"{self._prefix}tally:{name}\n".encode() + task for task in known]
            pipe.evalsha(self._count.digest, 0, name)
            pipe.zcard(f"{self._prefix}failure:{name}")
            pipe.hmget(f"{self._prefix}queue:{name}", "paused", "nth")
            pipe.zrange(f"{self._prefix}waiting:{name}", 0, 0, withscores=True)
            pipe.hgetall(f"{self._prefix}tasks:{name}")
            pipe.mget(rows) if rows else pipe.echo("")
        try:
            return [*pipe.execute(), tasks]
        except NoScriptError:
            self._redis.script_load(self._count.source)
            return self._read(names)

    def _asked(self, call: Callable[[], Any]) -> Any:
        return self._shared.attempt(call)


def _queue(name: str, now: Any, told: Sequence[Any], tasks: Sequence[bytes]) -> QueueSeen:
    counts, dead, (paused, nth), first, ready, rows = told
    return QueueSeen(
        queue=name, counts=Counts.of(counts), dead_letters=dead, paused=paused is not None,
        nth=int(nth or 0), oldest=_since(first[0][1], now) if first else timedelta(0),
        ready={task.decode(): int(number) for task, number in ready.items()},
        seen=[seen(task.decode(), row or b"") for task, row in zip(tasks, rows, strict=bool(tasks))],
    )  # fmt: skip


def _since(at_us: float | bytes, now: tuple[int, int]) -> timedelta:
    """From an instant until Redis's TIME; 0 where its clock was set back since."""
    return max(timedelta(0), timedelta(seconds=now[0], microseconds=now[1] - float(at_us)))
