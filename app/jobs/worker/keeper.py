"""The keeper: a thread of the worker's main process that reads the board.

It renews the leases of all living holders, releases a holder as soon as its process has died,
and ends attempts that run past their limits. It outlives the pool's own end.
"""

import ctypes
import json
import logging
import os
import signal
import threading
import time
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded

from jobs.conf import settings
from jobs.errors import LedgerUnavailable
from jobs.ledger import Claimed, Ending, Holder, State, ledger
from jobs.quiet import during_work
from jobs.worker import bell, meta
from jobs.worker.board import Running, Slot
from jobs.worker.drain import Crew

logger = logging.getLogger("jobs.worker")
LOOK_EVERY_SECONDS = 0.1
IDLE_SECONDS = 3.0
"""How long a stopping worker's holders are idle before its pool is told to wait no longer."""
MEND_SECONDS = 2.0
"""How long after a death the pool is asked to put another process in its place."""


class Keeper(threading.Thread):
    """Reads the board until the worker ends."""

    def __init__(self, crew: Crew, worker: Any, *, kills: bool, solo: bool) -> None:
        super().__init__(name="keeper", daemon=True)
        self._crew = crew
        self._worker = worker
        self._processes: dict[int, Any] = {}
        self._kills = kills
        """Whether holders are processes of their own, which can be killed."""
        self._solo = solo
        self._ended = threading.Event()
        self._judge = Holder(f"{crew.id}.keeper", settings(), crew.known, crew.place.hostname)
        self._renewed = float("-inf")
        self._mend_until = 0.0
        self._away = False
        self._idle_since = time.monotonic()
        facts = {"hostname": crew.place.hostname, "pid": crew.main_pid, "known": crew.known.key}
        self._facts = json.dumps(facts)

    def run(self) -> None:
        while not self._ended.wait(LOOK_EVERY_SECONDS):
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

    def finish(self) -> None:
        """The worker is ending: release what is left, so that no job waits for a lease to expire."""
        if self._ended.is_set() or os.getpid() != self._crew.main_pid:  # what a job forked exits too
            return
        self._ended.set()
        own = [running.holder for _, running in self._crew.board.slots()]
        try:
            lost = ledger().release("", own)  # told to stop: nothing counts against the jobs
        except LedgerUnavailable as error:
            logger.warning("keeper.not_released reason=%s", error)
        else:
            logger.info("worker.released holders=%d attempts=%d", len(own), lost)

    def _look(self) -> None:
        living = []
        if self._kills:
            self._look_at_pool()
        for slot, running in self._crew.board.slots():
            cause = None if running.pid == self._crew.main_pid else self._death(running.pid)
            if cause is not None:
                self._bury(slot, running, cause)
                continue
            living.append(running.holder)
            if running.token:
                self._enforce(slot, running)
        self._let_pool_end()
        if time.monotonic() - self._renewed >= settings().RENEW_EVERY.total_seconds():
            ledger().renew(self._crew.id, self._facts, self._crew.known.key, living)
            self._renewed = time.monotonic()

    def _let_pool_end(self) -> None:
        """Once all holders are idle in a stop, nothing that the pool still waits for can come."""
        busy = any(running.token for _, running in self._crew.board.slots())
        if busy or not self._crew.board.stopping:
            self._idle_since = time.monotonic()
        elif self._kills and time.monotonic() - self._idle_since > IDLE_SECONDS:
            bell.forget_slices()

    def _look_at_pool(self) -> None:
        pool = self._worker.pool and self._worker.pool._pool  # noqa: SLF001 - billiard has no other way
        if not pool:
            return
        self._processes.update({process.pid: process for process in pool._pool})  # noqa: SLF001
        if time.monotonic() < self._mend_until:
            # The pool itself would look for a dead process only every five seconds.
            self._worker.hub.call_soon(pool.maintain_pool)

    def _death(self, pid: int) -> str | None:
        """How a child process ended, or None while it lives. It stays for its parent's pool to reap."""
        try:
            end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        except ChildProcessError:  # the pool was faster, and knows
            process = self._processes.pop(pid, None)
            return _ending(process._popen.returncode if process else None)  # noqa: SLF001
        if end is None:
            return None
        return _ending(end.si_status if end.si_code == os.CLD_EXITED else -end.si_status)

    def _bury(self, slot: Slot, running: Running, cause: str) -> None:
        lost = ledger().release(f"its process {running.pid} {cause}", [running.holder])
        slot.clear()
        self._mend_until = time.monotonic() + MEND_SECONDS
        if lost:
            logger.error(
                "attempt.lost task=%s job=%s pid=%d cause=%s",
                running.task, running.job_id, running.pid, cause,
            )  # fmt: skip

    def _enforce(self, slot: Slot, running: Running) -> None:
        now = time.monotonic()
        if running.hard_deadline and now >= running.hard_deadline:
            self._end_by_force(slot, running)
        elif running.soft_deadline and now >= running.soft_deadline and slot.soft != running.token:
            slot.soft = running.token
            logger.warning("attempt.soft_limit task=%s job=%s", running.task, running.job_id)
            if self._kills:
                os.kill(running.pid, signal.SIGUSR1)
            else:
                _raise_in(running.thread, SoftTimeLimitExceeded)

    def _end_by_force(self, slot: Slot, running: Running) -> None:
        """Fence the attempt in the ledger first; touch its process only where that succeeded."""
        if slot.verdict == running.token:
            return
        slot.verdict = running.token
        seconds = running.hard_deadline - running.started
        told = meta.failed(self._crew.place.app, "FAILURE", TimeLimitExceeded(round(seconds, 3)), [])
        job = Claimed(
            id=running.job_id, token=str(running.token), task=running.task, arguments="", attempt=0,
            retries=0, queue="", priority=0, created_us=0, options="",
        )  # fmt: skip
        fenced = self._judge.finish(job, Ending(outcome=State.FAILURE, meta=told)).recorded
        if fenced:
            logger.error(
                "attempt.hard_limit task=%s job=%s seconds=%.1f", running.task, running.job_id, seconds
            )
        if fenced and self._solo:
            os.kill(os.getpid(), signal.SIGKILL)
        if fenced and self._kills and slot.token == running.token:
            os.kill(running.pid, signal.SIGKILL)
        else:  # it ended in time; or it is a thread, which cannot be killed: its outcome will be refused
            slot.verdict = 0


def _ending(code: int | None) -> str:
    """How a process ended, by its exit code; a negative one is the signal that killed it."""
    if code is None:
        return "died"
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"


def _raise_in(thread: int, error: type[BaseException]) -> None:
    """Raise in another thread, at its next bytecode: what waits in C code hears of it afterwards."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))
