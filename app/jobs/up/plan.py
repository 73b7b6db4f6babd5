"""What a run of `up` is made of, read from the environment: ports, addresses, the place of its data.

This is no second `settings`: it makes the environment that the services' settings then read.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from jobs.secret import read_secret

APP = Path(__file__).resolve().parents[2]
"""The source root, where every service runs."""

VARIABLES = {
    "PORT": "the API's port; 8001",
    "FLOWER_PORT": "Flower's port; 5555",
    "REDIS_PORT": "the embedded Valkey's port; 6379",
    "REDIS_URL": "a Redis or Valkey of yours; no Valkey is started then",
    "DATABASE_URL": "a database of yours, or none; SQLite in TASKBELL_DIR",
    "TASKBELL_HOST": "where API and Flower listen; 127.0.0.1 (0.0.0.0 lets other machines in)",
    "TASKBELL_DIR": "where Valkey and SQLite keep their files; .taskbell in the checkout",
    "NO_COLOR": "any value: no colours, even on a terminal",
}
"""What the environment may say, and what holds where it says nothing."""

OF_A_REDIS = (
    "REDIS_USERNAME", "REDIS_PASSWORD", "REDIS_PASSWORD_FILE", "REDIS_CA_FILE",
    "REDIS_SENTINEL_PASSWORD", "REDIS_SENTINEL_PASSWORD_FILE",
)  # fmt: skip
"""What belongs to a Redis of the user's, and would lock the services out of the embedded Valkey."""


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
            CannotStart: a value is no port, or names a file that cannot be read.
        """
        host = environ.get("TASKBELL_HOST") or "127.0.0.1"
        port, flower_port = _port(environ, "PORT", 8001), _port(environ, "FLOWER_PORT", 5555)
        given = _secret(environ, "REDIS_URL")
        redis_port = None if given else _port(environ, "REDIS_PORT", 6379)
        redis_url = given or f"redis://127.0.0.1:{redis_port}/0"
        state = Path(environ.get("TASKBELL_DIR") or APP.parent / ".taskbell").resolve()
        made = {
            "DEBUG": environ.get("DEBUG") or "1",
            "REDIS_URL": redis_url,
            "REDIS_URL_FILE": "",
            "DATABASE_URL": _secret(environ, "DATABASE_URL") or f"sqlite:///{state / 'db.sqlite3'}",
            "DATABASE_URL_FILE": "",
            "PORT": str(port),
            "FLOWER_PORT": str(flower_port),
            "FLOWER_ADDRESS": host,
            "PYTHONUNBUFFERED": "1",
        } | (dict.fromkeys(OF_A_REDIS, "") if redis_port else {})
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


def _secret(environ: Mapping[str, str], name: str) -> str:
    """The variable, or the content of the file that it names; '' where neither is there."""
    if environ.get(name) or not (file := environ.get(f"{name}_FILE")):
        return environ.get(name) or ""
    try:
        return read_secret(Path(file))
    except ValueError as error:
        raise CannotStart(f"{name}_FILE: {error}.") from None
