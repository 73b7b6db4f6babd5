"""What the run did to processes, and when: what the witness's lines are held against."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(kw_only=True)
class Strike:
    """One process killed or silenced. Instants are nanoseconds of this machine's monotonic clock."""

    fault: str
    pid: int
    """A pool process, or the main process of a worker, whose pool dies and falls silent with it."""
    at: int
    until: int | None = None
    """When a silence ended; None for a kill, and while it lasts."""
    fatal: bool = True
    main_pid: int | None = None
    """Of a pool process, the main process that forked it."""

    def end(self) -> None:
        """The silence ends."""
        self.until = now()


class Strikes:
    """All that was done, in order."""

    def __init__(self) -> None:
        self._all: list[Strike] = []
        self._lock = threading.Lock()
        self._done: dict[str, int] = {}

    def count(self, fault: str) -> None:
        """A fault was done, whatever number of processes it struck."""
        with self._lock:
            self._done[fault] = self._done.get(fault, 0) + 1

    def add(
        self, fault: str, pid: int, at: int, *, fatal: bool = True, main_pid: int | None = None
    ) -> Strike:
        """A process was struck."""
        strike = Strike(fault=fault, pid=pid, at=at, fatal=fatal, main_pid=main_pid)
        with self._lock:
            self._all.append(strike)
        return strike

    @property
    def all(self) -> list[Strike]:
        with self._lock:
            return list(self._all)

    def write(self, file: Path) -> None:
        """Leave a line for each."""
        file.write_text("".join(
            f"{each.at} {each.until or '-'} {each.pid} {each.main_pid or '-'} {each.fault}\n"
            for each in self.all
        ))  # fmt: skip

    @property
    def done(self) -> dict[str, int]:
        """How often each fault was done."""
        with self._lock:
            return dict(self._done)


def now() -> int:
    """The clock of strikes and of the witness."""
    return time.monotonic_ns()
