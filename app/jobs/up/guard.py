"""A small process that outlives the runner: if the runner is killed, it kills what the run started.

Run as a script, so it imports nothing of the platform. It hears which process groups are alive
on its standard input; the end of that input is the end of the runner.
"""

import contextlib
import os
import signal
import subprocess
import sys


class Guard:
    """The runner's end of it."""

    def __init__(self) -> None:
        # In a session of its own: a Ctrl-C or a closed terminal does not reach it.
        self._process = subprocess.Popen(
            [sys.executable, "-IS", __file__], stdin=subprocess.PIPE, text=True, start_new_session=True
        )

    def watch(self, group: int) -> None:
        """Kill this process group when the runner is gone."""
        self._tell(f"+{group}")

    def forget(self, group: int) -> None:
        """This process group has ended; its number may come to belong to somebody else."""
        self._tell(f"-{group}")

    def close(self) -> None:
        """End it, and with it what it still watches."""
        self._process.communicate()

    def _tell(self, line: str) -> None:
        if self._process.stdin:
            with contextlib.suppress(BrokenPipeError):
                print(line, file=self._process.stdin, flush=True)


def kill_group(group: int) -> None:
    """Kill a process group, if there is one."""
    # macOS answers EPERM where all that is left of a group are zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _main() -> None:
    watched: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            watched.add(group)
        else:
            watched.discard(group)
    for group in watched:
        kill_group(group)


if __name__ == "__main__":
    _main()
