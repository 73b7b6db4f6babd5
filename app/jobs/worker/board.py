"""The board: a page of memory that the worker's main process shares with its pool processes.

One slot a holder: which process it is, and the attempt that it is at. The page is made before the
pool forks. A slot is written by its holder alone, but for the few fields that the main process owns.
"""

import fcntl
import mmap
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from jobs.worker.interrupt import raise_in, withdraw

SLOTS = 1024
_HEAD = 64
_SLOT = 1280
_STOP = 0  # head: 1 when the worker stops
_WATCHED = 1  # head: 1 while somebody wants events of its jobs
_USED = 8  # head: slots below this one were used at some time
_FENCED = 16  # head: outcomes that the ledger refused
# A slot: what its holder writes once, what it writes for each attempt, what the main process writes.
_WHO = struct.Struct("=QQ32s")  # pid, thread, holder
_AT = struct.Struct("=QdddHH1020s100s")  # token, started, soft and hard deadline, lengths, job id, task
_TOKEN = struct.Struct("=Q")
_WHO_OFFSET, _AT_OFFSET, _VERDICT, _SOFT, _CANCEL, _HOLDS, _TOLD = 0, 64, 1224, 1232, 1240, 1248, 1256


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """What a slot shows. `token` is 0 where no user code runs."""

    pid: int
    thread: int
    holder: str
    token: int
    started: float
    """Seconds on the monotonic clock, as are the deadlines; 0 for no deadline."""
    soft_deadline: float
    hard_deadline: float
    job_id: str
    task: str


class Slot:
    """One slot, seen from its holder's side or from the main process."""

    def __init__(self, memory: mmap.mmap, number: int, guard: threading.Lock | None) -> None:
        self.number = number
        self._guard = guard
        """On a pool of threads: held by who begins or ends to interrupt the holder."""
        self._memory = memory
        self._start = _HEAD + number * _SLOT

    def take(self, holder: str) -> None:
        """Write who this is; a holder that was released comes back here under a new name."""
        who = (os.getpid(), threading.get_ident(), holder.encode())
        _WHO.pack_into(self._memory, self._start + _WHO_OFFSET, *who)

    def begin(self, token: int, job_id: str, task: str, soft: float, hard: float) -> None:
        """User code of this attempt runs from now on; `soft` and `hard` are seconds, 0 for no limit."""
        now = time.monotonic()
        name, task_name = job_id.encode()[:1020], task.encode()[:100]
        _AT.pack_into(
            self._memory, self._start + _AT_OFFSET, 0, now, now + soft if soft else 0.0,
            now + hard if hard else 0.0, len(name), len(task_name), name, task_name,
        )  # fmt: skip
        self._put(_AT_OFFSET, token)  # last: a reader believes a slot that shows a token

    def end(self) -> None:
        """User code runs no more. What was raised in it from outside has come by now, or never comes."""
        try:
            self._end()
        except BaseException:  # it came right here; it comes once
            self._end()
            raise

    def _end(self) -> None:
        if self._guard is None:
            self._put(_AT_OFFSET, 0)
            return
        with self._guard:
            self._put(_AT_OFFSET, 0)
            if self.soft:
                withdraw()
                self.soft = 0

    def interrupt(self, running: Running, error: type[BaseException]) -> bool:
        """Raise in the holder, a thread, if it is still at this attempt's user code."""
        if self._guard is None:
            raise RuntimeError("a process is interrupted by a signal")
        with self._guard:
            if self.token != running.token:
                return False
            self.soft = running.token
            raise_in(running.thread, error)
            return True

    def read(self) -> Running | None:
        """What the slot shows, or None where nobody has it."""
        pid, thread, holder = _WHO.unpack_from(self._memory, self._start + _WHO_OFFSET)
        if not pid:
            return None
        token, started, soft, hard, id_size, task_size, job_id, task = _AT.unpack_from(
            self._memory, self._start + _AT_OFFSET
        )
        return Running(
            pid=pid, thread=thread, holder=holder.rstrip(b"\0").decode(), token=token, started=started,
            soft_deadline=soft, hard_deadline=hard, job_id=job_id[:id_size].decode(errors="replace"),
            task=task[:task_size].decode(errors="replace"),
        )  # fmt: skip

    def clear(self) -> None:
        self._memory[self._start : self._start + _SLOT] = bytes(_SLOT)

    @property
    def pid(self) -> int:
        return self._get(_WHO_OFFSET)

    @property
    def token(self) -> int:
        return self._get(_AT_OFFSET)

    @property
    def verdict(self) -> int:
        """The token that the main process is about to end by force; 0 for none.

        While it stands the holder starts nothing, so that what is meant for one job never hits the next.
        """
        return self._get(_VERDICT)

    @verdict.setter
    def verdict(self, token: int) -> None:
        self._put(_VERDICT, token)

    @property
    def soft(self) -> int:
        """The token whose soft limit has passed."""
        return self._get(_SOFT)

    @soft.setter
    def soft(self, token: int) -> None:
        self._put(_SOFT, token)

    @property
    def cancel(self) -> int:
        """The token whose job somebody cancelled."""
        return self._get(_CANCEL)

    @cancel.setter
    def cancel(self, token: int) -> None:
        self._put(_CANCEL, token)

    @property
    def holds(self) -> int:
        """The token of the job that the holder has, until the ledger has its outcome; 0 for none."""
        return self._get(_HOLDS)

    @holds.setter
    def holds(self, token: int) -> None:
        self._put(_HOLDS, token)

    @property
    def told(self) -> int:
        """The token of whose start the main process has told those who want events."""
        return self._get(_TOLD)

    @told.setter
    def told(self, token: int) -> None:
        self._put(_TOLD, token)

    @property
    def cancelled(self) -> bool:
        """Whether that is the attempt whose user code runs here."""
        return self.cancel != 0 and self.cancel == self.token

    def _get(self, offset: int) -> int:
        return int(_TOKEN.unpack_from(self._memory, self._start + offset)[0])

    def _put(self, offset: int, number: int) -> None:
        _TOKEN.pack_into(self._memory, self._start + offset, number)


class Board:
    """All slots, and the flag that tells every holder to stop claiming."""

    def __init__(self, *, in_threads: bool) -> None:
        self._file = os.memfd_create("board")
        os.ftruncate(self._file, _HEAD + SLOTS * _SLOT)
        self._memory = mmap.mmap(self._file, _HEAD + SLOTS * _SLOT)
        self._threads = threading.Lock()
        self._guards = [threading.Lock() for _ in range(SLOTS)] if in_threads else [None] * SLOTS

    @property
    def stopping(self) -> bool:
        return self._memory[_STOP] != 0

    def stop(self) -> None:
        self._memory[_STOP] = 1

    @property
    def watched(self) -> bool:
        """Whether somebody wants Celery's events about jobs."""
        return self._memory[_WATCHED] != 0

    @watched.setter
    def watched(self, wanted: bool) -> None:
        self._memory[_WATCHED] = int(wanted)

    @property
    def fenced(self) -> int:
        """Attempts whose outcome the ledger refused: they were another's by then."""
        return int(_TOKEN.unpack_from(self._memory, _FENCED)[0])

    def count_fenced(self) -> None:
        """Called by the holder, wherever it runs."""
        with self._locked():
            _TOKEN.pack_into(self._memory, _FENCED, self.fenced + 1)

    def free_slot(self, holder: str) -> Slot:
        """Take a slot that nobody has."""
        with self._locked():
            used = self.used
            for number in range(SLOTS):
                slot = self._slot(number)
                if not slot.pid:
                    slot.clear()
                    slot.take(holder)
                    _TOKEN.pack_into(self._memory, _USED, max(used, number + 1))
                    return slot
        raise RuntimeError(f"a worker has at most {SLOTS} pool processes or threads")

    def slots(self) -> Iterator[tuple[Slot, Running]]:
        """Every slot that somebody has, with what it shows."""
        for number in range(self.used):
            slot = self._slot(number)
            if running := slot.read():
                yield slot, running

    def _slot(self, number: int) -> Slot:
        return Slot(self._memory, number, self._guards[number])

    @property
    def used(self) -> int:
        """Slots below this one were used at some time."""
        return int(_TOKEN.unpack_from(self._memory, _USED)[0])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # A record lock belongs to the process and ends with it: a process killed here blocks nobody.
        with self._threads:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)
