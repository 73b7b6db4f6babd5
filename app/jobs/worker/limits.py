"""Attempts that end by force: those past their time limit, those that a stopping worker hands back.

The ledger is told first, and nothing is killed before it has answered: an answer that was lost is asked
for again, by the same call, before anything else is.
"""

import logging
import os
import signal
import time
from dataclasses import dataclass
from enum import Enum, auto

from celery.exceptions import SoftTimeLimitExceeded, TaskRevokedError, TimeLimitExceeded

from jobs.conf import settings
from jobs.ledger import Claimed, Ending, Holder, State
from jobs.worker import meta
from jobs.worker.board import Running, Slot
from jobs.worker.counts import counts
from jobs.worker.deaths import Processes
from jobs.worker.drain import Crew
from jobs.worker.events import Watch

logger = logging.getLogger("jobs.worker")


class Kind(Enum):
    """What the pool's holders are, and so what force can do."""

    PREFORK = auto()
    """Processes: they can be killed."""
    THREADS = auto()
    """They cannot: what they go on to do counts for nothing."""
    SOLO = auto()
    """The one holder is the worker itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """An attempt that is to end, and as what."""

    slot: Slot
    running: Running
    ending: Ending


class Judge:
    """Ends attempts by force."""

    def __init__(self, crew: Crew, kind: Kind, processes: Processes, watch: Watch) -> None:
        self._crew = crew
        self._kind = kind
        self._processes = processes
        self._watch = watch
        self._holder = Holder(f"{crew.id}.keeper", settings(), crew.known, crew.place.hostname, gives_up=True)
        self._asked: Sentence | None = None
        """What the ledger was asked and has not answered."""
        self._done: dict[int, int] = {}
        """The last token of each slot about which it has."""

    def is_done(self, slot: Slot, running: Running) -> bool:
        """Whether nothing is left to decide about this attempt, though its user code may still run."""
        return self._done.get(slot.number) == running.token

    def settle(self) -> None:
        """Ask the ledger again what it has not answered.

        Raises:
            LedgerUnavailable: it does not answer now either; nothing was killed.
        """
        if self._asked:
            self._carry_out(self._asked)

    def soft_limit(self, slot: Slot, running: Running) -> None:
        """Raise inside the attempt when its soft limit has passed, once."""
        late = running.soft_deadline and time.monotonic() >= running.soft_deadline
        if late and slot.soft != running.token and self.interrupt(slot, running):
            counts.forced["soft_limit"] += 1
            logger.warning("attempt.soft_limit task=%s job=%s", running.task, running.job_id)

    def interrupt(self, slot: Slot, running: Running) -> bool:
        """Raise `SoftTimeLimitExceeded` inside the attempt; False where it has ended."""
        if self.is_done(slot, running):
            return False
        if self._kind is not Kind.PREFORK:
            return slot.interrupt(running, SoftTimeLimitExceeded)
        slot.soft = running.token
        os.kill(running.pid, signal.SIGUSR1)
        return True

    def hard_limit(self, slot: Slot, running: Running) -> None:
        """End the attempt as failed when its time limit has passed.

        Raises:
            LedgerUnavailable: not before the ledger has answered (see `settle`).
        """
        if not running.hard_deadline or time.monotonic() < running.hard_deadline:
            return
        seconds = round(running.hard_deadline - running.started, 3)
        told = meta.failed(self._crew.place.app, "FAILURE", TimeLimitExceeded(seconds), [])
        cause = f"it ran for longer than its time limit of {seconds:g} s"
        self._end(slot, running, Ending(outcome=State.FAILURE, meta=told, cause=cause))

    def cancel(self, slot: Slot, running: Running) -> None:
        """End the attempt because its job was cancelled, and it does not stop by itself.

        Raises:
            LedgerUnavailable: not before the ledger has answered (see `settle`).
        """
        told = meta.failed(self._crew.place.app, "REVOKED", TaskRevokedError("cancelled"), [])
        self._end(
            slot, running, Ending(outcome=State.REVOKED, meta=told, cause="cancelled, and ended by force")
        )

    def hand_back(self, slot: Slot, running: Running) -> None:
        """Put the job back into its queue, as if this attempt had not been.

        Raises:
            LedgerUnavailable: not before the ledger has answered (see `settle`).
        """
        self._end(slot, running, Ending(outcome=State.PENDING, cause="its worker stopped"))

    def _end(self, slot: Slot, running: Running, ending: Ending) -> None:
        if not self.is_done(slot, running):
            self._asked = Sentence(slot=slot, running=running, ending=ending)
            self._carry_out(self._asked)

    def _carry_out(self, sentence: Sentence) -> None:
        slot, running = sentence.slot, sentence.running
        slot.verdict = running.token  # until it is 0 again the holder starts nothing
        job = Claimed(
            id=running.job_id, token=str(running.token), task=running.task, arguments="", attempt=0,
            retries=0, queue="", priority=0, created_us=0, options="",
        )  # fmt: skip
        recorded = self._holder.finish(job, sentence.ending).recorded
        self._asked = None
        self._done[slot.number] = running.token
        if recorded:
            _tell(sentence)
        # Not recorded: it has ended in time; or the ledger gave it up before, and it still runs.
        if not ((recorded or slot.token == running.token) and self._force(sentence)):
            slot.verdict = 0
        if recorded and sentence.ending.outcome is not State.PENDING:
            self._crew.counted.count(slot.number, running.task)
            self._watch.ended(slot, running, sentence.ending)

    def _force(self, sentence: Sentence) -> bool:
        """End what runs the attempt; False where that goes on."""
        slot, running = sentence.slot, sentence.running
        if self._kind is Kind.PREFORK and slot.token == running.token:
            self._processes.kill(running.pid)
            return True
        if self._kind is Kind.SOLO and sentence.ending.outcome is not State.PENDING:
            os.kill(os.getpid(), signal.SIGKILL)
        return False


def _tell(sentence: Sentence) -> None:
    running = sentence.running
    if sentence.ending.outcome is State.PENDING:
        counts.forced["hand_back"] += 1
        logger.warning(
            "attempt.handed_back task=%s job=%s seconds=%.1f",
            running.task, running.job_id, time.monotonic() - running.started,
        )  # fmt: skip
        return
    if sentence.ending.outcome is State.REVOKED:
        counts.forced["cancel"] += 1
        logger.warning("attempt.ended task=%s job=%s cause=cancelled", running.task, running.job_id)
        return
    counts.forced["hard_limit"] += 1
    logger.error(
        "attempt.hard_limit task=%s job=%s seconds=%.1f",
        running.task, running.job_id, running.hard_deadline - running.started,
    )  # fmt: skip
