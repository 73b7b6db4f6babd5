"""A ledger full of jobs, of which hardly any may run: what the scale measurement stands in.

Everything goes in by the ledger's own scripts, in pipelines, and is parked by claims that really ran.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import batched
from typing import Any

import hiredis
import redis

from jobs.conf import Settings
from jobs.ledger import Ending, Holder, KnownTasks, Ledger, State, Submission
from jobs.ledger.client import _packed
from jobs.ledger.scripts import load
from jobs.limits import Limit, Limits, Rate

QUEUE = "celery"
PIPELINED = 500
HOURLY = Limit(rate=Rate(count=1, per=timedelta(hours=1)))
TASKS = {
    "free": Limits(task=Limit(max_running=1_000_000)),
    "one_each": Limits(each_key=Limit(max_running=1)),
    "hourly_each": Limits(each_key=HOURLY),
    "paused": Limits(),
}
"""What the workers know: one task that may run, and one for each way to be held up."""
DONE = Ending(
    outcome=State.SUCCESS,
    meta='{"status":"SUCCESS","result":{"processed_data":"HELLO"},"traceback":null,"children":[]',
)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many jobs there are."""

    free: int = 1_000
    held: int = 0
    """Ready, and behind a limit or a pause."""
    delayed: int = 0
    keys: int = 10_000
    """Over which the held jobs are spread."""


class Crowd:
    """The jobs of one ledger, on an empty server."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.settings = Settings(REDIS_URL=url, LEASE=timedelta(days=1), **settings)  # nobody renews here
        self.ledger = Ledger(self.settings)
        self.known = KnownTasks(TASKS, self.settings)
        self._scripts = load(self.settings)
        self._redis = redis.Redis.from_url(url, socket_timeout=300)
        self._connection = self._redis.connection_pool.get_connection()
        for script in self._scripts.values():
            self._redis.script_load(script.source)
        self._numbers = itertools.count()

    def holder(self) -> Holder:
        """A holder that knows all tasks."""
        return Holder(f"holder-{next(self._numbers)}", self.settings, self.known)

    def job(self, task: str, key: str = "", delay: timedelta = timedelta(0)) -> Submission:
        """A new job."""
        number = next(self._numbers)
        due = datetime.now(UTC) + delay if delay else None
        return Submission(
            id=f"00000000-0000-4000-8000-{number:012}", task=task, queue=QUEUE, key=key, due=due,
            arguments='{"data":"hello"}',
        )  # fmt: skip

    def free_jobs(self, count: int) -> Iterator[Submission]:
        """Jobs that may run: every other one without a key, the others over ten keys."""
        for number in range(count):
            yield self.job("free", f"free-{number % 10}" if number % 2 else "")

    def fill(self, size: Size, say: Callable[[str, int, int], None]) -> None:
        """Put in all that is held up, then what is delayed, then what may run."""
        if size.held:
            self._hold(size, say)
        hours = itertools.cycle(range(1, 1_000))
        delayed = (self.job("free", delay=timedelta(hours=next(hours))) for _ in range(size.delayed))
        self.submit(delayed, size.delayed, lambda done: say("delayed", done, size.delayed))
        self.submit(self.free_jobs(size.free), size.free)

    def _hold(self, size: Size, say: Callable[[str, int, int], None]) -> None:
        """A third behind a limit of each key, a third behind a rate of each key, a third behind a pause."""
        self.ledger.pause(task="paused")
        each = size.keys // 3
        limited = [(task, f"{task}-{n}") for task in ("one_each", "hourly_each") for n in range(each)]
        self.submit((self.job(*lane) for lane in limited for _ in range(2)), 4 * each)
        self._park(2 * each, say)
        lanes = [*limited, *(("paused", f"paused-{n}") for n in range(size.keys - 2 * each))]
        turns, rest = itertools.cycle(lanes), size.held - 2 * each
        self.submit((self.job(*next(turns)) for _ in range(rest)), rest, lambda done: say("held", done, rest))

    def _park(self, lanes: int, say: Callable[[str, int, int], None]) -> None:
        """Claim one job of each lane, so that its limit stops the others."""
        for number in range(lanes):
            say("parked", number, lanes)
            holder = self.holder()
            job = holder.claim(QUEUE)
            if job and job.task == "hourly_each":
                holder.finish(job, DONE)
            holder.close()
        holder = self.holder()
        while self._redis.exists(f"tb:plain:{QUEUE}", f"tb:fair:{QUEUE}"):
            holder.claim(QUEUE)
        holder.close()

    def submit(self, jobs: Iterable[Submission], count: int, say: Callable[[int], None] = int) -> None:
        """Submit many, a pipeline at a time."""
        for number, some in enumerate(batched(jobs, PIPELINED, strict=False), 1):
            answers = self.run("submit", [_packed(job) for job in some])
            if any(answer[0] != b"new" for answer in answers):
                raise RuntimeError(f"a submit was not accepted: {answers}")
            say(min(number * PIPELINED, count))

    def run(self, script: str, calls: Iterable[Sequence[str | int]]) -> list[Any]:
        """Run a script with each of these arguments, in one pipeline."""
        digest = self._scripts[script].digest
        packed = [hiredis.pack_command(("EVALSHA", digest, 0, *call)) for call in calls]  # type: ignore[arg-type]  # its stub says: a tuple of one
        self._connection.send_packed_command([b"".join(packed)])
        return [self._connection.read_response() for _ in packed]

    def make_all_due(self) -> int:
        """Let every delayed job's time come at once; gives how many there are."""
        index = f"tb:shelves:{QUEUE}"
        shelves = [f"tb:scheduled:{QUEUE}\n{int(shelf)}" for shelf in self._redis.zrange(index, 0, -1)]
        self._redis.zunionstore(index, {index: 0})
        orders = (f"tb:scheduled:{QUEUE}", *shelves)
        return sum(int(self._redis.zunionstore(key, {key: 0})) for key in orders)

    def faults(self, size: Size) -> list[str]:
        """What is not as it was to be."""
        counts = self.ledger.counts(QUEUE)
        parked = self._redis.hlen(f"tb:parked:{QUEUE}")
        wanted = 2 * (size.keys // 3) + 1 if size.held else 0
        found = {
            f"the books do not balance: {counts}": counts.gap == 0,
            f"{counts.scheduled:,} delayed": counts.scheduled == size.delayed,
            f"{counts.waiting:,} ready": math.isclose(counts.waiting, size.free + size.held, rel_tol=0.05),
            f"{parked:,} parked, not {wanted:,}": parked == wanted,
        }
        return [fault for fault, holds in found.items() if not holds]

    def close(self) -> None:
        self._redis.connection_pool.release(self._connection)
        self._redis.close()
