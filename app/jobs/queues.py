"""What is known of a queue: how many jobs are where in it, since when, and what stops them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jobs.conf import QueueLimits, settings
from jobs.errors import QueueNotFound
from jobs.ledger import Counts, LiveWorker, ledger


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The ready jobs of one task in a queue."""

    task: str
    waiting: int
    parked: str | None
    """What stops them all: `paused`, `running` (as many run as may), `rate`; None for nothing."""
    known: bool
    """Whether a worker that lives knows the task."""


@dataclass(frozen=True, kw_only=True)
class QueueState:
    """A queue, as it is now."""

    queue: str
    paused: bool
    counts: Counts
    dead_letters: int
    """Failed jobs that can still be read back, and so be run again."""
    oldest_at: datetime | None
    """Since when the first of its ready jobs could have run; None where none is ready."""
    limits: QueueLimits
    tasks: list[Waiting]
    live_workers: int
    """Workers that live, whatever queues they serve."""


@dataclass(frozen=True, kw_only=True)
class Queues:
    """Every queue that ever had a job, by name."""

    queues: list[QueueState]
    paused_tasks: list[str]
    live_workers: int


def read_queues() -> Queues:
    """Every queue that ever had a job.

    Raises:
        LedgerUnavailable: Redis does not answer.
    """
    workers = ledger().browse.workers()
    return Queues(
        queues=[_state(name, workers) for name in ledger().queues()],
        paused_tasks=sorted(ledger().browse.paused_tasks()), live_workers=len(workers),
    )  # fmt: skip


def read_queue(name: str) -> QueueState:
    """One queue.

    Raises:
        QueueNotFound: it never had a job.
        LedgerUnavailable: Redis does not answer.
    """
    return _state(existing(name), ledger().browse.workers())


def existing(name: str) -> str:
    """The name, if a queue of it ever had a job; raises as `read_queue`."""
    if name not in ledger().queues():
        raise QueueNotFound(f"{name[:200]}: see those that there are at /api/queues/.")
    return name


def _state(name: str, workers: Sequence[LiveWorker]) -> QueueState:
    browse = ledger().browse
    limits = next((each for each in settings().QUEUES if each.name == name), QueueLimits(name=name))
    return QueueState(
        queue=name, paused=browse.paused(name), counts=ledger().counts(name), dead_letters=browse.dead(name),
        oldest_at=browse.oldest(name), limits=limits, live_workers=len(workers),
        tasks=[
            Waiting(
                task=each.task, waiting=each.waiting, parked=each.parked,
                known=any(worker.may_know(each.task) for worker in workers),
            )
            for each in browse.waiting_tasks(name)
        ],
    )  # fmt: skip
