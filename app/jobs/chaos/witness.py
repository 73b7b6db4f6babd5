"""The witness: a file outside Redis, to which every attempt adds a line as it begins and as it ends.

A line is one write to a file that is opened for appending: a killed process leaves it whole or not
at all, and lines of different processes do not mix.
"""

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(kw_only=True)
class Effect:
    """One attempt, as the witness tells it. Instants are nanoseconds of this machine's monotonic clock."""

    serial: int
    """The number that the rig gave the job."""
    task_id: str
    token: int
    attempt: int
    pid: int
    main_pid: int
    """The worker's main process."""
    began: int
    ended: int | None = None
    """None where the attempt was cut off."""
    failed: bool = False
    """Whether it ended by raising, as its kind wants it."""


def place(run: str, directory: Path | None = None) -> Path:
    """Where the attempts of a run write: below a process's own `TMPDIR`, or another process's."""
    return (directory or Path(tempfile.gettempdir())) / f"taskbell-chaos-{run}.witness"


@contextmanager
def effect(run: str, serial: int, task_id: str, token: int, attempt: int) -> Iterator[None]:
    """An attempt's effect: a line before what it does and one after, in its own words if it raises."""
    file = place(run)
    _write(file, "begin", serial, task_id, token, attempt)
    try:
        yield
    except Exception:
        _write(file, "fail", serial, task_id, token, attempt)
        raise
    _write(file, "end", serial, task_id, token, attempt)


def _write(file: Path, what: str, *known: object) -> None:
    told = (what, *known, os.getpid(), os.getppid(), time.monotonic_ns())
    opened = os.open(file, FLAGS, 0o644)
    try:
        os.write(opened, f"{' '.join(map(str, told))}\n".encode())
    finally:
        os.close(opened)


def read(file: Path) -> list[Effect]:
    """Every attempt that a witness tells of, in the order in which they began."""
    effects: list[Effect] = []
    open_ones: dict[tuple[str, int, int], Effect] = {}
    for line in file.read_text().splitlines() if file.exists() else []:
        what, number, task_id, *others = line.split(" ")
        token, attempt, pid, main_pid, at = map(int, others)
        if what == "begin":
            effects.append(Effect(
                serial=int(number), task_id=task_id, token=token, attempt=attempt, pid=pid,
                main_pid=main_pid, began=at,
            ))  # fmt: skip
            open_ones[task_id, token, pid] = effects[-1]
        else:
            mine = open_ones[task_id, token, pid]
            mine.ended, mine.failed = at, what == "fail"
    return effects


def by_job(effects: Iterable[Effect]) -> dict[str, list[Effect]]:
    """The attempts of each job, in the order in which they began."""
    jobs: dict[str, list[Effect]] = defaultdict(list)
    for each in effects:
        jobs[each.task_id].append(each)
    return jobs
