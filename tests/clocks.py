"""Wall clocks that a test can set: of a server, or of the platform's processes, with libfaketime.

The monotonic clock stays as it is, as it does where a machine's clock is set.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.redises import Server
from tests.servers import Running
from tests.workers import ROOT

HOUR_SECONDS = 3600
SLEEP = """
import select, time
# libfaketime 0.9.10 fails Python's own, which waits for an instant of the monotonic clock.
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""


class Clock:
    """The wall clock of the processes that are started with its environment."""

    def __init__(self, directory: Path) -> None:
        libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        if not libraries:
            pytest.skip("there is no libfaketime to set clocks with: apt-get install faketime")
        self._file = directory / "clock"
        self.set(0)
        (directory / "sitecustomize.py").write_text(SLEEP)
        self.environment = {
            "PYTHONPATH": f"{directory}:{ROOT}",
            "LD_PRELOAD": str(libraries[0]), "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1", "DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "1",  # else a wait of Python's for its lock may never end
        }  # fmt: skip

    def set(self, ahead_seconds: int) -> None:
        """Let it be so much ahead of the machine's, within a second; behind where it is negative."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead_seconds:+d}\n")
        new.replace(self._file)


class ClockedServer(Server):
    """A server of the ledger whose clock can be set."""

    def __init__(self, binary: str, directory: Path) -> None:
        self.clock = Clock(directory)
        super().__init__(binary, directory)

    def start(self) -> None:
        env = {**os.environ, **self.clock.environment}
        self._running = Running(self._command, "Ready to accept connections", env)
        self._running.wait_ready()

    def now(self) -> float:
        """Seconds since the epoch, by its clock."""
        seconds, microseconds = self.raw.time()
        return int(seconds) + int(microseconds) / 1e6


@contextmanager
def clocked(binary: str, directory: Path) -> Iterator[ClockedServer]:
    """A real, empty server whose clock can be set."""
    server = ClockedServer(binary, directory)
    try:
        yield server
    finally:
        server.raw.close()
        server.kill()
