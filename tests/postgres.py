"""A real PostgreSQL, Debian's, on a free port and with data of its own."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from jobs.chaos.processes import free_port
from tests.servers import Running

DEBIANS = Path("/usr/lib/postgresql")
USER = "postgres"
"""Who runs it where the tests are root's, which it refuses to be."""


class Postgres:
    """A server that keeps its port and its data when it is stopped and started again."""

    def __init__(self, binaries: Path, directory: Path) -> None:
        self.port = free_port()
        data = directory / "data"
        as_user = []
        if os.getuid() == 0:
            os.chown(directory, pwd.getpwnam(USER).pw_uid, -1)
            as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups"]
        options = ["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        initdb = [str(binaries / "initdb"), "-D", str(data), *options]
        subprocess.run([*as_user, *initdb], cwd="/", capture_output=True, check=True, timeout=60)
        settings = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
            "fsync": "off", "max_connections": 60,
        }  # fmt: skip
        said = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        self._command = [*as_user, str(binaries / "postgres"), "-D", str(data), *said]
        self.start()

    def url(self, name: str = "postgres") -> str:
        return f"postgres://{USER}@127.0.0.1:{self.port}/{name}"

    def new_database(self) -> str:
        """The name of an empty database."""
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name

    def start(self) -> None:
        """Start it; it answers when this returns."""
        self._running = Running(self._command, "ready to accept connections", os.environ)
        self._running.wait_ready()

    def stop(self) -> None:
        """End it as a crash does: what it was told is cut off."""
        self._running.end(signal.SIGQUIT)


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A real, empty PostgreSQL; skips the test where there is none."""
    found = shutil.which("initdb")
    binaries = [Path(found).resolve().parent] if found else sorted(DEBIANS.glob("*/bin"))
    if not binaries:
        pytest.skip("there is no PostgreSQL server: apt-get install postgresql")
    with tempfile.TemporaryDirectory() as directory:
        server = Postgres(binaries[-1], Path(directory))
        try:
            yield server
        finally:
            server.stop()
