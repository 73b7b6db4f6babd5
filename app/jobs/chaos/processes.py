"""The processes of a run: started, killed, frozen, and started again whenever they ended."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

from jobs.up.guard import Guard, kill_group

LOOK_EVERY_SECONDS = 0.05
FORK_SECONDS = 0.05
"""After this, what was forked to start another program has started it."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """What a process runs."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    back_after: timedelta = timedelta(seconds=1)
    """How long it stays away when it ended."""


class Member:
    """A process with all that it forks, in a session of its own."""

    def __init__(self, program: Program, log: Path, guard: Guard) -> None:
        self.program = program
        self.ended: set[int] = set()
        """Main processes that ended while the run went on."""
        self._log = log
        self._guard = guard
        self._process: subprocess.Popen[bytes] | None = None
        self._back_at: float | None = None

    def start(self) -> None:
        """Start it, in place of the one that ended."""
        self.clear()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.program.argv, env=dict(self.program.env), cwd=self.program.cwd,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._guard.watch(self._process.pid)
        self._back_at = None

    @property
    def pid(self) -> int | None:
        """The main process, while it runs."""
        process = self._process
        return process.pid if process and process.poll() is None else None

    def children(self) -> list[int]:
        """The processes that it forked and that live, without the other programs that it started."""
        before = self._forks()
        time.sleep(FORK_SECONDS)
        return [child for child in self._forks() if child in before]

    def _forks(self) -> list[int]:
        with contextlib.suppress(OSError):
            if pid := self.pid:
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                return [int(child) for child in children if _program(child) == _program(pid)]
        return []

    def send(self, number: signal.Signals, *, whole: bool) -> int | None:
        """Send a signal, to its whole group where asked; gives the main process that got it."""
        pid = self.pid
        if pid is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if whole else os.kill)(pid, number)
            return pid
        return None

    def said(self, text: str) -> int:
        """How many lines of its log have this text, whichever of its processes wrote them."""
        with self._log.open(encoding="utf-8", errors="replace") as log:
            return sum(text in line for line in log)

    def clear(self) -> None:
        """Kill what it left behind."""
        if self._process is not None:
            kill_group(self._process.pid)
            self._process.wait()
            self._guard.forget(self._process.pid)
            self._process = None

    def revive(self) -> None:
        """Start it again if it ended and was away for its time."""
        if self.pid is not None:
            return
        if self._back_at is None:
            if self._process is not None:
                self.ended.add(self._process.pid)
            self._back_at = time.monotonic() + self.program.back_after.total_seconds()
        elif time.monotonic() >= self._back_at:
            self.start()


class Fleet:
    """All processes of a run. Whatever ends is started again, until the run is over."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.members: list[Member] = []
        self._guard = Guard()
        self._over = threading.Event()
        self._reviver = threading.Thread(target=self._revive, name="reviver", daemon=True)

    def add(self, program: Program) -> Member:
        """Start a program."""
        member = Member(program, self.directory / f"{program.name}.log", self._guard)
        member.start()
        self.members.append(member)
        return member

    def named(self, start: str) -> list[Member]:
        """The members whose names begin so."""
        return [member for member in self.members if member.program.name.startswith(start)]

    def any(self, start: str, chance: Random) -> Member | None:
        """One of those whose names begin so and that run, or None."""
        running = [member for member in self.named(start) if member.pid is not None]
        return chance.choice(running) if running else None

    def keep_alive(self) -> None:
        """From now on, start again what ends."""
        self._reviver.start()

    def close(self) -> None:
        """End all of it, at once."""
        self._over.set()
        if self._reviver.is_alive():
            self._reviver.join()
        for member in self.members:
            member.clear()
        self._guard.close()

    def _revive(self) -> None:
        while not self._over.wait(LOOK_EVERY_SECONDS):
            for member in self.members:
                member.revive()


def _program(pid: int | str) -> str:
    try:
        return str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:  # it is gone
        return ""


def free_port() -> int:
    """A port that nobody has at this moment, and that no outgoing connection is given in the next."""
    while True:
        port = 10_000 + secrets.randbelow(22_000)  # what the kernel gives out begins above
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
