"""Whether the kernel killed for want of memory: the counters of this process's cgroup."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")
RECENT_SECONDS = 5.0
"""A process that is killed may take a while to be gone: its memory is given back first."""
_KILLS = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


class Shortage:
    """How often it happened lately."""

    def __init__(self, root: Path = ROOT) -> None:
        self._counter = counter(root)
        self._seen = self._before = self._read()
        """The counter at the last look, and what was told of it or was old then."""
        self._at = time.monotonic()

    def look(self) -> None:
        """To be called now and then: what it counts is no news a while later."""
        now = time.monotonic()
        if now - self._at >= RECENT_SECONDS:
            self._before = max(self._before, self._seen)
            self._seen, self._at = self._read(), now

    def rose(self) -> bool:
        """Whether a process was killed lately, other than those that this has told before."""
        if self._read() <= self._before:
            return False
        self._before += 1
        return True

    def _read(self) -> int:
        try:
            found = _KILLS.search(self._counter.read_text()) if self._counter else None
        except OSError:
            found = None
        return int(found[1]) if found else 0


def counter(root: Path = ROOT) -> Path | None:
    """The file that counts this process's cgroup's kills: version 2 or 1; None where there is none."""
    return next((path for path in _candidates(root) if path.is_file()), None)


def _candidates(root: Path) -> Iterator[Path]:
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top, name = root / "sys/fs/cgroup", "memory.events"
        elif "memory" in controllers.split(","):
            top, name = root / "sys/fs/cgroup/memory", "memory.oom_control"
        else:
            continue
        yield top / path.strip("/") / name
        yield top / name  # a container's own, under a path that only its host sees
