"""A command at a terminal of its own: what it shows, a Ctrl-C that is real, the processes it leaves."""

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 60
_PERSON = {name: os.environ[name] for name in ("HOME", "PATH", "USER") if name in os.environ} | {
    "TERM": "xterm"
}
"""What a new terminal has: nothing of the tests, and nothing of the `make` that runs them."""


class Terminal:
    """Runs a command in the checkout; its processes are known by a mark in their environment."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], mark: str) -> None:
        self._mark = mark.encode()
        self._screen, side = pty.openpty()
        # setsid makes the terminal the controlling one, so that a Ctrl-C typed at it is a SIGINT.
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            cwd=ROOT, env=_PERSON | dict(env), stdin=side, stdout=side, stderr=side,
        )  # fmt: skip
        os.close(side)
        self.shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while left := self.processes():  # one that was killed may just have started another
            for pid, line in left.items():
                if "guard.py" not in line:  # it ends the Valkey, whose own title hides its environment
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._screen)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """What it shows that matches; the test fails when it ends, or is silent too long, before."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not (found := re.search(pattern, self.shown)):
            assert time.monotonic() < deadline, f"no {pattern!r} in:\n{self.shown}"
            assert self._read(), f"ended without {pattern!r}:\n{self.shown}"
        return found

    def press_ctrl_c(self) -> None:
        os.write(self._screen, b"\x03")

    def wait_end(self) -> int:
        """Its exit code, negative for a signal, once it has ended and shown all."""
        while self._read():
            pass
        return self.process.wait(DEADLINE_SECONDS)

    def processes(self) -> dict[int, str]:
        """The command lines of what it started and lives, wherever they stand in the tree."""
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and self._mark in (entry / "environ").read_bytes():
                    found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
            except OSError:  # it ended meanwhile, or is another user's
                continue
        return found

    def process_of(self, command: str) -> int:
        """The first process whose command line has this part."""
        return min(pid for pid, line in self.processes().items() if command in line)

    def _read(self) -> bool:
        if not select.select([self._screen], [], [], DEADLINE_SECONDS)[0]:
            raise AssertionError(f"silent for {DEADLINE_SECONDS} s after:\n{self.shown}")
        try:
            piece = os.read(self._screen, 65536)
        except OSError:  # EIO: the last process that had the terminal is gone
            piece = b""
        self.shown += piece.decode(errors="replace").replace("\r\n", "\n")
        return bool(piece)
