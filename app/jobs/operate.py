"""What an operator does: cancel, run again, discard, one job or many; pause and resume queues and tasks.

Many are done a bounded piece at a time, so that nobody waits for long: whoever asks goes on with `next`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from jobs.errors import JobEnded, JobsError, JobUnfinished, NotUnique, QueueNotFound, TaskNotFound
from jobs.ids import is_queue
from jobs.ledger import AT_ONCE, ledger
from jobs.registry import all_tasks
from jobs.status import missing
from jobs.walk import Filter, pieces

PIECES = 10
"""Scripts that one call runs: so it changes at most 1,000 jobs."""


@dataclass(frozen=True, kw_only=True)
class Bulk:
    """What a call did to many jobs."""

    done: int
    skipped: int
    """Jobs that had moved on when their turn came, or that cannot be changed so."""
    next: str | None
    """The cursor to go on with; None when all was done."""


def cancel(task_id: str) -> Literal["revoked", "asked"]:
    """End a job that waits, or ask the worker of one that runs to stop it.

    Raises:
        JobEnded: it ended before.
        JobNotFound, JobGone: no job has this id, or has it any more.
        LedgerUnavailable: Redis does not answer.
    """
    match ledger().cancel([task_id]):
        case ["revoked"]:
            return "revoked"
        case ["asked"]:
            return "asked"
        case ["ended"]:
            raise JobEnded(f"{task_id}: there is nothing left to cancel.")
    raise missing(task_id)


def redrive(task_id: str) -> None:
    """Run a job again that failed or was revoked, under its own id; one that waits for its time, now.

    Raises:
        JobUnfinished: it is ready already, or runs.
        JobEnded: it succeeded.
        NotUnique: another job took its place among the unique ones.
        JobNotFound, JobGone, LedgerUnavailable: as `cancel`.
        LedgerFull: Redis is at `maxmemory`.
    """
    told: dict[str, JobsError] = {
        "waiting": JobUnfinished(f"{task_id}: it is ready, and waits for a worker."),
        "running": JobUnfinished(f"{task_id}: it runs."),
        "succeeded": JobEnded(f"{task_id}: it succeeded; submit another job to do it again."),
        "unique": NotUnique(f"{task_id}: another job of its kind was submitted since, and has not ended."),
    }
    (word,) = ledger().redrive([task_id])
    if word != "ready":
        raise told.get(word) or missing(task_id)


def discard(task_id: str) -> None:
    """Forget a job that has ended, with its result.

    Raises:
        JobUnfinished: it has not ended.
        JobNotFound, JobGone, LedgerUnavailable: as `cancel`.
    """
    (word,) = ledger().discard([task_id])
    if word != "discarded":
        unfinished = JobUnfinished(f"{task_id}: cancel it first.")
        raise unfinished if word == "unfinished" else missing(task_id)


def cancel_many(wanted: Filter, cursor: str | None = None) -> Bulk:
    """Cancel the unfinished jobs that are meant: the next 1,000 of them at the most.

    Raises:
        ParametersInvalid: the cursor is none, or comes from another filter.
        LedgerUnavailable: Redis does not answer; some may have been cancelled.
    """
    return _many(wanted, cursor, lambda ids: ledger().cancel(ids), {"revoked", "asked"})


def redrive_many(wanted: Filter, cursor: str | None = None) -> Bulk:
    """Run the jobs that are meant again: the next 1,000 at the most; raises as `cancel_many`.

    Of jobs that fail again at once none is met twice.
    """
    return _many(wanted, cursor, lambda ids: ledger().redrive(ids), {"ready"})


def discard_many(wanted: Filter, cursor: str | None = None) -> Bulk:
    """Forget the ended jobs that are meant: the next 1,000 at the most; raises as `cancel_many`."""
    return _many(wanted, cursor, lambda ids: ledger().discard(ids), {"discarded"})


def pause_queue(name: str) -> bool:
    """Stop a queue from giving out jobs; what runs goes on. False where it was paused.

    It need not have had a job yet.

    Raises:
        QueueNotFound: no queue can have this name.
    """
    return ledger().pause(queue=_checked(name))


def resume_queue(name: str) -> bool:
    """Let a queue go on; False where it was not paused. Raises as `pause_queue`."""
    return ledger().resume(queue=_checked(name))


def pause_task(name: str) -> bool:
    """Stop a task's jobs from being claimed in any queue; those that run go on. False where it was paused.

    Raises:
        TaskNotFound: this process does not know it, no worker that lives does, and no job of it waits.
    """
    if not _is_known(name):
        raise TaskNotFound(f"{name}: no worker knows it, and no job of it waits.")
    return ledger().pause(task=name)


def resume_task(name: str) -> bool:
    """Let a task go on; False where it was not paused. Raises as `pause_task`."""
    if name not in ledger().browse.paused_tasks() and not _is_known(name):
        raise TaskNotFound(f"{name}: no worker knows it, and no job of it waits.")
    return ledger().resume(task=name)


def _many(
    wanted: Filter, cursor: str | None, do: Callable[[Sequence[str]], list[str]], good: set[str]
) -> Bulk:
    done = skipped = 0
    for piece in pieces(wanted, cursor, limit=AT_ONCE, most=PIECES):
        words = do([job.id for job in piece.jobs]) if piece.jobs else []
        done += sum(word in good for word in words)
        skipped += sum(word not in good for word in words)
        cursor = piece.next
    return Bulk(done=done, skipped=skipped, next=cursor)


def _is_known(task: str) -> bool:
    if task in {each.name for each in all_tasks()}:
        return True
    browse = ledger().browse
    return any(task in worker.tasks for worker in browse.workers()) or any(
        task == waiting.task for queue in ledger().queues() for waiting in browse.waiting_tasks(queue)
    )


def _checked(queue: str) -> str:
    if not is_queue(queue):
        raise QueueNotFound(f"{queue[:40]!r}: no queue can have this name.")
    return queue
