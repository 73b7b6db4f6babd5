"""What a run of `up` is made of, read from the environment: ports, addresses, the place of its data.

This is no second `settings`: it makes the environment that the services' settings then read.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

APP = Path(__file__).resolve().parents[2]
"""The source root, where every service runs."""

VARIABLES = {
    "PORT": "the API's port; 8001",
    "FLOWER_PORT": "Flower's port; 5555",
    "REDIS_PORT": "the embedded Valkey's port; 6379",
    "REDIS_URL": "a Redis or Valkey of yours; no Valkey is started then",
    "DATABASE_URL": "a database of yours; SQLite in TASKBELL_DIR",
    "TASKBELL_HOST": "where API and Flower listen; 127.0.0.1 (0.0.0.0 lets other machines in)",
    "TASKBELL_DIR": "where Valkey and SQLite keep their files; .taskbell in the checkout",
    "NO_COLOR": "any value: no colours, even on a terminal",
}
"""What the environment may say, and what holds where it says nothing."""


class CannotStart(Exception):
    """`up` cannot start; the message is one line that says why and what to change."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run of `up`."""

    host: str
    port: int
    flower_port: int
    redis_port: int | None
    """The embedded Valkey's; None where `REDIS_URL` names a server of the user's."""
    redis_url: str
    state: Path
    environ: Mapping[str, str]
    """What every service gets."""

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The plan that the environment asks for.

        Raises:
            CannotStart: a value is no port.
        """
        host = environ.get("TASKBELL_HOST") or "127.0.0.1"
        port, flower_port = _port(environ, "PORT", 8001), _port(environ, "FLOWER_PORT", 5555)
        redis_port = None if environ.get("REDIS_URL") else _port(environ, "REDIS_PORT", 6379)
        redis_url = environ.get("REDIS_URL") or f"redis://127.0.0.1:{redis_port}/0"
        state = Path(environ.get("TASKBELL_DIR") or APP.parent / ".taskbell").resolve()
        made = {
            "DEBUG": environ.get("DEBUG") or "1",
            "REDIS_URL": redis_url,
            "DATABASE_URL": environ.get("DATABASE_URL") or f"sqlite:///{state / 'db.sqlite3'}",
            "PORT": str(port),
            "FLOWER_PORT": str(flower_port),
            "FLOWER_ADDRESS": host,
            "PYTHONUNBUFFERED": "1",
        }
        return cls(
            host=host, port=port, flower_port=flower_port, redis_port=redis_port, redis_url=redis_url,
            state=state, environ={**environ, **made},
        )  # fmt: skip

    @property
    def reachable_host(self) -> str:
        """An address of this machine at which what listens on `host` answers."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound

    @property
    def redis_address(self) -> tuple[str, int] | None:
        """Host and port of the Redis in use; None for a URL that has none, such as a socket's."""
        url = urlsplit(self.redis_url)
        if url.scheme not in {"redis", "rediss"} or not url.hostname:
            return None
        return url.hostname, url.port or 6379


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise CannotStart(f"{name}={text} is no port: give a number from 1 to 65535.")
    return int(text)
