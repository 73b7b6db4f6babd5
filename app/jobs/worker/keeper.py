"""The keeper: a thread of the worker's main process that reads the board.

It renews the leases of all living holders, releases a holder as soon as its process has died, has
attempts ended that run past their limits or past the worker's stop, and sees to it that a stop comes
to its end. Each look is a beat of the worker's health. It outlives the pool's own end.
"""

import json
import logging
import os
import sys
import threading
import time
from typing import Any, NoReturn

from celery.worker import state

from jobs.conf import settings
from jobs.errors import LedgerUnavailable
from jobs.ledger import ledger
from jobs.quiet import during_work
from jobs.worker import bell
from jobs.worker.board import Running, Slot
from jobs.worker.cancels import Cancels
from jobs.worker.counts import counts
from jobs.worker.deaths import Death, Processes
from jobs.worker.drain import Crew
from jobs.worker.events import Watch
from jobs.worker.limits import Judge, Kind
from jobs.worker.memory import Shortage

logger = logging.getLogger("jobs.worker")
LOOK_EVERY_SECONDS = 0.1
AWAY_SECONDS = 0.5
"""Between two looks while Redis is away: each waits for it, and who would fork waits meanwhile."""
IDLE_SECONDS = 3.0
"""How long a stopping worker's holders are idle before its pool is told to wait no longer."""
LAST_SECONDS = 10.0
"""How long they are idle before the process is ended: Celery's own end can wait for an answer of Redis that
does not come, from one that hangs or whose clock was set back."""
LEAVE_SECONDS = {Kind.PREFORK: 1.5, Kind.THREADS: 0.5, Kind.SOLO: 0.5}
"""How long Celery's own end may take once what ran is handed back. A thread that was given up and is in
no hurry would hold it up for ever, and do again meanwhile what another worker does."""


class Keeper(threading.Thread):
    """Reads the board until the worker ends."""

    def __init__(self, crew: Crew, worker: Any, kind: Kind) -> None:
        super().__init__(name="keeper", daemon=True)
        self._crew = crew
        self._worker = worker
        self._kind = kind
        self.processes = Processes(worker, Shortage())
        self._watch = Watch(crew.board, worker)
        self._judge = Judge(crew, kind, self.processes, self._watch)
        self._cancels = Cancels(self._judge)
        self._ended = threading.Event()
        self._renewed = float("-inf")
        self._away = self._stop_said = self._known_said = False
        self._busy_at = self._open_at = time.monotonic()
        """When a holder was last at work, and when the stop last had something to wait for."""

    def run(self) -> None:
        while not self._ended.wait(AWAY_SECONDS if self._away else LOOK_EVERY_SECONDS):
            try:
                with during_work:
                    self._look()
            except LedgerUnavailable as error:
                if not self._away:
                    logger.warning("keeper.no_ledger reason=%s", error)
                self._away = True
            except Exception:
                logger.exception("keeper.failed")
            else:
                self._away = False
            self._crew.health.beat(redis_away=self._away)

    def finish(self) -> None:
        """The worker is ending: release what is left, so that no job waits for a lease to expire."""
        if self._ended.is_set() or os.getpid() != self._crew.main_pid:  # what a job forked exits too
            return
        self._ended.set()
        self._release()
        self._crew.health.end()

    def _look(self) -> None:
        self.processes.look()
        living: list[tuple[Slot, Running]] = []
        dead: list[tuple[Slot, Running, Death]] = []
        for slot, running in self._crew.board.slots():
            death = None if running.pid == self._crew.main_pid else self.processes.death(running.pid)
            if death:
                dead.append((slot, running, death))
            else:
                living.append((slot, running))
        self._bury_unseated({running.pid for _, running in (*living, *(each[:2] for each in dead))})
        at_work = [(slot, running) for slot, running in living if running.token]
        for slot, running in at_work:
            self._judge.soft_limit(slot, running)
        # A thread that was given up goes on, and no stop waits for it.
        going = [each for each in living if not self._judge.is_done(*each)]
        self._watch_stop(
            [each for each in going if each[1].token], holding=any(slot.holds for slot, _ in going)
        )
        for each in dead:
            self._bury(*each)
        self._renew([running.holder for _, running in living])
        self._enforce(at_work)
        self._watch.look(at_work)
        self._leave(at_work)

    def _renew(self, holders: list[str]) -> None:
        if time.monotonic() - self._renewed >= settings().RENEW_EVERY.total_seconds():
            try:
                if not self._known_said:
                    ledger().know(self._crew.known)
                    self._known_said = True
                began = time.monotonic()
                ledger().renew(self._crew.id, self._facts(), self._crew.known.key, holders)
            except LedgerUnavailable:
                counts.not_renewed += 1
                raise
            self._renewed = time.monotonic()
            counts.renewal(self._renewed - began)

    def _facts(self) -> str:
        """What this worker says of itself; remote control may change its queues."""
        crew, queues = self._crew, self._worker.app.amqp.queues.consume_from
        return json.dumps({
            "hostname": crew.place.hostname, "pid": crew.main_pid, "known": crew.known.key,
            "queues": sorted(map(str, list(queues))),
        })  # fmt: skip

    def _bury(self, slot: Slot, running: Running, death: Death) -> None:
        cause = f"its process {running.pid} {death}"
        asked = self._crew.board.stopping and death.asked  # by whoever stops the worker: no fault of the job
        self.processes.mend()
        lost = ledger().release("" if asked else cause, [running.holder])
        slot.clear()
        self._forget(running.pid, death)
        if lost:
            logger.error(
                "attempt.lost task=%s job=%s pid=%d cause=%s",
                running.task, running.job_id, running.pid, cause,
            )  # fmt: skip

    def _bury_unseated(self, seated: set[int]) -> None:
        """A process may die before it is on the board: nothing is to be released, but it is to be told."""
        for pid in self.processes.gone() - seated:
            if death := self.processes.death(pid):
                self._forget(pid, death)

    def _forget(self, pid: int, death: Death) -> None:
        forced = self.processes.forget(pid)
        asked = self._crew.board.stopping and (death.asked or death.code == 0)
        counts.ended["forced" if forced else "asked" if asked else death.why] += 1

    def _enforce(self, at_work: list[tuple[Slot, Running]]) -> None:
        self._judge.settle()
        self._cancels.look(at_work)
        for slot, running in at_work:
            self._judge.hard_limit(slot, running)
            if self._crew.stop.over:
                self._judge.hand_back(slot, running)

    def _watch_stop(self, at_work: list[tuple[Slot, Running]], *, holding: bool) -> None:
        """Once all holders are idle in a stop, nothing that the pool still waits for can come.

        One whose job ran is not idle before the ledger has the outcome: else the job would run again.
        """
        stopping, over = self._crew.board.stopping, self._crew.stop.over
        if stopping and not self._stop_said:
            left = self._crew.stop.seconds_left
            said = "none" if left is None else f"{left:.1f}"
            logger.info("worker.stopping attempts=%d seconds_left=%s", len(at_work), said)
            self._stop_said = True
        now = time.monotonic()
        if at_work or (holding and not over) or not stopping:
            self._busy_at = now
            return
        idle = now - self._busy_at
        if self._kind is Kind.PREFORK and (over or idle > IDLE_SECONDS):
            bell.forget_slices()
        if idle > LAST_SECONDS:
            logger.warning("worker.left idle_seconds=%.0f", idle)
            self._go()

    def _leave(self, at_work: list[tuple[Slot, Running]]) -> None:
        """End the process where its own end takes too long, once nothing that runs is not handed back."""
        now = time.monotonic()
        if not self._crew.stop.over or not all(self._judge.is_done(*each) for each in at_work):
            self._open_at = now
        elif now - self._open_at > LEAVE_SECONDS[self._kind]:
            self._go()

    def _release(self) -> None:
        own = [running.holder for _, running in self._crew.board.slots()]
        try:
            lost = ledger().release("", own, self._crew.id)  # told to stop: nothing counts against the jobs
        except LedgerUnavailable as error:
            logger.warning("keeper.not_released reason=%s", error)
        else:
            logger.info("worker.released holders=%d attempts=%d", len(own), lost)

    def _go(self) -> NoReturn:
        """End the process as Celery would, less what waits for threads that were given up."""
        self._release()
        self._crew.health.end()
        if lock := getattr(self._worker, "pidlock", None):
            lock.release()
        logging.shutdown()
        sys.stdout.flush()
        os._exit(int(state.should_stop or 0))
