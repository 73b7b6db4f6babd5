"""The drain: what a pool process does when a bell wakes it.

It claims the queue's next job, runs it, and finishes it and claims the next in one round trip, until
nothing can be claimed or its slice is over; then it goes back to its pool.
"""

import json
import logging
import os
import secrets
import signal
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from types import FrameType

from celery.app.base import Celery
from celery.exceptions import SoftTimeLimitExceeded, WorkerShutdown, WorkerTerminate

from jobs import database, results, tracing
from jobs.conf import settings
from jobs.errors import LedgerUnavailable
from jobs.ledger import (
    Claimed,
    Ending,
    Finished,
    Holder,
    HolderGone,
    KnownTasks,
    LaterFormat,
    State,
    is_packed,
    ledger,
    unpack,
)  # fmt: skip
from jobs.worker import databases, endings, meta, trace
from jobs.worker.bind import limits_of
from jobs.worker.board import Board, Slot
from jobs.worker.counted import Counted
from jobs.worker.current import set_about
from jobs.worker.events import Events
from jobs.worker.health import Health
from jobs.worker.outcome import AskedRetry, Raised, Returned
from jobs.worker.stopping import Stop
from jobs.worker.timelimits import TimeLimits

logger = logging.getLogger("jobs.worker")
LATER = timedelta(seconds=5)
"""How long a job of a later release waits before any worker may look at it again."""


class Crew:
    """What the holders of one worker share. Made in the main process, before its pool."""

    def __init__(self, app: Celery, hostname: str, *, max_jobs: int | None, in_threads: bool) -> None:
        self.place = trace.Workplace(
            app=app, tasks=app.tasks, hostname=hostname,
            soft_limit=float(app.conf.task_soft_time_limit or 0),
            hard_limit=float(app.conf.task_time_limit or 0),
        )  # fmt: skip
        self.id = secrets.token_hex(4)
        self.board = Board(in_threads=in_threads)
        self.health = Health(settings().HEALTH_DIR)
        soft = timedelta(seconds=float(app.conf.worker_soft_shutdown_timeout or 0))
        bound = (soft or None) if settings().SHUTDOWN is None else settings().SHUTDOWN
        self.stop = Stop(self.board, self.health, bound=bound, soft=soft)
        self.known = KnownTasks({name: limits_of(task) for name, task in app.tasks.items()}, settings())
        self.counted = Counted(self.known.names)
        self.time_limits = TimeLimits(app.tasks)
        self.max_jobs = max_jobs
        """Jobs after which a pool process ends and another takes its place; None for no limit."""
        self.main_pid = os.getpid()


class Seat:
    """One holder at work: its slot on the board, its line to the ledger. One for each thread."""

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self._renamed = 0
        self._name = f"{crew.id}.{secrets.token_hex(3)}"
        self.jobs = 0
        self.slot: Slot = crew.board.free_slot(self._name)
        self.holder = Holder(self._name, settings(), crew.known, crew.place.hostname)
        self.events = Events(crew.board, self.slot, crew.place.hostname)

    def rename(self) -> None:
        """Come back as a new holder: the ledger gave this one up while it was out of reach."""
        self._renamed += 1
        self.holder.close()
        name = f"{self._name}.{self._renamed}"
        self.holder = Holder(name, settings(), self.crew.known, self.crew.place.hostname)
        self.slot.take(name)
        logger.warning("holder.renamed holder=%s", name)

    def give_up(self, error: BaseException) -> None:
        """Give back what this holder has and come back as a new one: nobody knows what state it is in.

        It counts as a lost attempt: most likely the job is to blame, and would be again for ever.
        """
        with suppress(LedgerUnavailable):  # then it goes back with the lease, which is renewed no more
            ledger().release(f"its worker stumbled over it: {type(error).__name__}", [self.holder.id])
        self.rename()


_crew: Crew | None = None
_local = threading.local()


def muster(crew: Crew) -> None:
    """Say which crew the holders of this process belong to."""
    global _crew  # noqa: PLW0603 - one worker a process
    _crew = crew


def crew() -> Crew | None:
    """The crew of this process, or None outside a worker."""
    return _crew


def after_fork() -> None:
    """A pool process just began: it shares no connection with its parent, and takes its slot."""
    ledger.cache_clear()
    _local.__dict__.clear()
    _seat()


def _on_soft_limit(signum: int, frame: FrameType | None) -> None:
    """The main process says that a soft limit has passed: raise it, if it is still this attempt's."""
    slot = _seat().slot
    if slot.token and slot.soft == slot.token:
        raise SoftTimeLimitExceeded


def drain(queue: str) -> None:
    """Work on a queue's jobs for a slice of time. Raises nothing, or a thread pool would lose it."""
    seat = _seat()
    if seat.jobs == 0 and os.getpid() != seat.crew.main_pid:
        signal.signal(signal.SIGUSR1, _on_soft_limit)  # billiard puts its own after the process began
    try:
        _slice(seat, queue)
    except HolderGone:
        seat.rename()
    except (WorkerShutdown, WorkerTerminate):
        raise  # the worker ends, and gives back what it holds
    except Exception as error:
        logger.exception("drain.failed queue=%s", queue)
        seat.give_up(error)
    except BaseException as error:
        if os.getpid() == seat.crew.main_pid:  # a process ends now, and is seen to; a thread goes on
            seat.give_up(error)
        raise
    finally:
        seat.slot.holds = 0
        set_about(None)
        seat.events.send(at_once=True)
    if seat.crew.max_jobs and seat.jobs >= seat.crew.max_jobs and os.getpid() != seat.crew.main_pid:
        raise SystemExit(0)


def _slice(seat: Seat, queue: str) -> None:
    board = seat.crew.board
    seat.crew.time_limits.heed()
    until = time.monotonic() + settings().SLICE.total_seconds()
    job = None if board.stopping else seat.holder.claim(queue)
    while job is not None:
        seat.slot.holds = int(job.token)
        wait_for_verdict(seat.slot)
        began = time.monotonic()
        ending = _attempt(seat, job)
        seat.jobs += 1
        spent = seat.crew.max_jobs is not None and seat.jobs >= seat.crew.max_jobs
        more = not spent and not board.stopping and time.monotonic() < until
        finished = _finish(seat, job, ending, claim_from=queue if more else "")
        seat.slot.holds = 0
        if finished.recorded:
            seat.crew.counted.count(seat.slot.number, job.task)
            seat.events.ended(job, ending, time.monotonic() - began)
        else:
            wait_for_verdict(seat.slot)
            finished = Finished(recorded=True, next=seat.holder.claim(queue) if more else None)
        job = finished.next


def _attempt(seat: Seat, job: Claimed) -> Ending:
    set_about(job)
    with tracing.attempting(job, seat.crew.place.hostname) as span:
        return _tried(seat, job, span)


def _tried(seat: Seat, job: Claimed, span: tracing.Attempting) -> Ending:
    place, began = seat.crew.place, time.monotonic()
    if is_packed(job.arguments):
        try:
            job = replace(job, arguments=unpack(job.arguments))
        except LaterFormat as error:
            return _left(job, error)
    attempt, outcome = trace.run(place, job, seat.slot)
    ending = endings.ending(place.app, attempt, outcome)
    if isinstance(outcome, Returned) and len(outcome.result.encode()) > settings().INLINE_RESULT_BYTES:
        ending = _stored(place.app, job, outcome, ending)
    databases.close_used_up()
    raised = outcome.error if isinstance(outcome, Raised) else None
    _log(job, ending, raised, time.monotonic() - began)
    span.ended(ending.outcome.value, outcome.retry.exc if isinstance(outcome, AskedRetry) else raised)
    return ending


def _left(job: Claimed, error: LaterFormat) -> Ending:
    """The job is for a worker of the release that recorded it; it waits a moment, so that one comes by."""
    logger.warning("job.later_format task=%s job=%s reason=%s", job.task, job.id, error)
    return Ending(outcome=State.PENDING, delay=LATER, cause=f"recorded by a later release: {error}")


def _log(job: Claimed, ending: Ending, error: BaseException | None, seconds: float) -> None:
    """One line an attempt; never its arguments or its result."""
    level = logging.WARNING if error else logging.INFO
    if logger.isEnabledFor(level):
        logger.log(
            level, "job.%s task=%s job=%s attempt=%d seconds=%.3f",
            ending.outcome.lower(), job.task, job.id, job.attempt, seconds, exc_info=error,
        )  # fmt: skip


def _stored(app: Celery, job: Claimed, outcome: Returned, ending: Ending) -> Ending:
    """Store a large result; the ledger gets where it is."""
    if not ending.meta:
        return ending
    try:
        reference = results.store(job.id, int(job.token), outcome.result.encode())
    except Exception as error:
        logger.exception("result.not_stored task=%s job=%s", job.task, job.id)
        return Ending(outcome=State.FAILURE, meta=meta.failed(app, "FAILURE", error, []))
    told = meta.succeeded(json.dumps(reference), [])
    return replace(ending, meta=told, stored=True, in_ledger=not database.is_there())


def _finish(seat: Seat, job: Claimed, ending: Ending, *, claim_from: str) -> Finished:
    gone = False
    try:
        finished = seat.holder.finish(job, ending, claim_from=claim_from)
    except HolderGone:
        gone, finished = True, Finished(recorded=False, next=None)
    if not finished.recorded:
        logger.warning("job.refused task=%s job=%s attempt=%d", job.task, job.id, job.attempt)
        seat.crew.board.count_fenced()
        if ending.stored:
            results.discard(job.id, int(job.token))
    if gone:
        seat.rename()
    return finished


def wait_for_verdict(slot: Slot) -> None:
    """Start nothing while the main process is about to end this process for a job's limit."""
    while slot.verdict:
        time.sleep(0.01)


def _seat() -> Seat:
    if not hasattr(_local, "seat"):
        if _crew is None:
            raise RuntimeError("a bell rang outside a worker")
        _local.seat = Seat(_crew)
    seat: Seat = _local.seat
    return seat
