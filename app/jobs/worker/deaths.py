"""How the pool's processes end: seen by the main process as soon as they do, with the cause."""

import os
import signal
import time
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

from billiard.pool import EX_RECYCLE

from jobs.worker.counts import SIGNALS, counts
from jobs.worker.memory import Shortage

MEND_SECONDS = 2.0
"""How long after a death the pool is asked to put another process in its place."""
NOTED_SECONDS = 0.5
"""How long the pool may take to note the exit code of a process that it has just reaped."""
RECYCLED = (0, EX_RECYCLE)
"""What a process exits with that has done its share of jobs, or has grown above its share of memory."""
ASKED_TO_END = frozenset({signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP})
"""What whoever stops a worker may send to its processes as well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Death:
    """How a process ended."""

    code: int | None
    """Its exit code; a negative one is the signal that killed it; None where nobody knows."""
    out_of_memory: bool = False

    @property
    def asked(self) -> bool:
        """Whether it ended as a process does that is told to: Celery's exit with the signal's number."""
        return self.code is not None and abs(self.code) in ASKED_TO_END

    @property
    def why(self) -> str:
        """As `counts.ENDS` has it, as far as the process's end tells."""
        if self.code is None:
            return "unknown"
        if self.code >= 0:
            return "recycled" if self.code in RECYCLED else "exit"
        if self.out_of_memory:
            return "oom"
        return name if (name := _name(-self.code)) in SIGNALS else "signal"

    def __str__(self) -> str:
        if self.code is None:
            return "died"
        if self.code >= 0:
            return f"exited with code {self.code}"
        return f"was killed by {_name(-self.code)}{', out of memory' if self.out_of_memory else ''}"


class Processes:
    """The pool's processes, seen from the main process."""

    def __init__(self, worker: Any, shortage: Shortage) -> None:
        self._worker = worker
        self._known: dict[int, Any] = {}
        self._killed: set[int] = set()
        self._met: WeakSet[Any] = WeakSet()
        self._shortage = shortage
        self._pool: Any = None
        self._mend_until = 0.0

    def meet(self) -> None:
        """Learn who there is, and from now on who comes, before the pool can have reaped them."""
        pool = self._worker.pool._pool  # noqa: SLF001 - billiard has no other way
        if pool is None:  # threads, or solo
            return
        self._pool, maintain = pool, pool.maintain_pool

        def maintain_and_learn() -> None:
            maintain()
            self._learn()

        self._worker.pool.maintain_pool = pool.maintain_pool = maintain_and_learn
        self._learn()

    def _learn(self) -> None:
        new = [process for process in self._pool._pool if process not in self._met]  # noqa: SLF001
        counts.started += len(new)
        self._met.update(new)
        self._known.update({process.pid: process for process in new})

    def pids(self) -> list[int]:
        """Those of the processes that the pool has; none with threads, or solo."""
        return [process.pid for process in self._pool._pool] if self._pool else []  # noqa: SLF001

    def gone(self) -> set[int]:
        """Those that the pool has no more, and that nobody has asked about."""
        return set(self._known).difference(self.pids())

    def look(self) -> None:
        """Keep the pool's own eyes open for a while after a death."""
        self._shortage.look()
        if self._pool is not None and time.monotonic() < self._mend_until:
            # The pool itself would look for a dead process only every five seconds.
            self._worker.hub.call_soon(self._pool.maintain_pool)

    def death(self, pid: int) -> Death | None:
        """How a process ended, or None while it lives. It stays for its parent's pool to reap."""
        try:
            end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        except ChildProcessError:  # the pool was faster
            return self._told(self._noted(pid))
        if end is None:
            return None
        return self._told(end.si_status if end.si_code == os.CLD_EXITED else -end.si_status)

    def _noted(self, pid: int) -> int | None:
        """The exit code of a process that the pool reaped; it may be about to note it."""
        until = time.monotonic() + NOTED_SECONDS
        while (process := self._known.get(pid)) is not None and time.monotonic() < until:
            if process._popen.returncode is not None:  # noqa: SLF001
                break
            time.sleep(0.001)
        return process._popen.returncode if process else None  # noqa: SLF001

    def mend(self) -> None:
        """A process is dead: see to another in its place."""
        self._mend_until = time.monotonic() + MEND_SECONDS

    def forget(self, pid: int) -> bool:
        """The ledger knows of this death; until then it is asked for again. Gives whether `kill` ended it."""
        self._known.pop(pid, None)
        forced = pid in self._killed
        self._killed.discard(pid)
        return forced

    def kill(self, pid: int) -> None:
        """End a process that lives; the pool does not report it as an error."""
        if process := self._known.get(pid):
            process._controlled_termination = True  # noqa: SLF001 - as billiard's own `terminate_job`
        self._killed.add(pid)
        os.kill(pid, signal.SIGKILL)

    def _told(self, code: int | None) -> Death:
        return Death(code=code, out_of_memory=code == -signal.SIGKILL and self._shortage.rose())


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
