"""Stock Celery as a subject: how its processes are started, and what its own lists tell."""

import json
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from jobs.chaos.processes import Program
from jobs.chaos.stock_app import VISIBILITY_SECONDS, app
from jobs.chaos.subject import Tally
from jobs.chaos.taskbell import BIN

QUEUE = "celery"
APPLICATION = "jobs.chaos.stock_app"
SWEEP = timedelta(seconds=100)
"""How often a worker gives out again what was not acknowledged."""


class Stock:
    """Stock Celery on the same Redis, with a small API before it."""

    name = "stock Celery"
    patience = SWEEP + timedelta(seconds=VISIBILITY_SECONDS + 40)

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._client: Any = None

    def prepare(self, directory: Path, env: Mapping[str, str]) -> None:
        self._client = app.connection_for_write(self._url).default_channel.client

    def worker(self, name: str, directory: Path, env: Mapping[str, str], concurrency: int) -> Program:
        options = ("worker", "--loglevel=info", "-c", str(concurrency), "-n", f"{name}@chaos")
        argv = (str(BIN / "celery"), "-A", APPLICATION, *options)
        return Program(name=name, argv=argv, env=_addressed(env), cwd=directory)

    def api(self, name: str, directory: Path, env: Mapping[str, str], port: int) -> Program:
        options = ("-k", "gthread", "-w", "2", "--threads", "32", "--preload", "--no-control-socket")
        argv = (str(BIN / "gunicorn"), *options, "--bind", f"127.0.0.1:{port}", f"{APPLICATION}:application")
        env = _addressed(env)
        return Program(name=name, argv=argv, env=env, cwd=directory, back_after=timedelta(seconds=0.5))

    def tally(self) -> Tally | None:
        try:
            keys, waiting = self._client.dbsize(), self._client.llen(QUEUE)
            unacknowledged = self._client.hlen("unacked")
        except Exception:  # noqa: BLE001 - Redis is away
            return None
        # Nearly every key is a result; what is waited for may have one already, of its last attempt.
        return Tally(accepted=keys + waiting + unacknowledged, ended=keys, gap=None)

    def counted(self) -> None:
        return None

    def remaining(self, task_ids: Collection[str]) -> Collection[str]:
        """Those whose message lies in the queue, or was given out and not acknowledged."""
        messages = [json.loads(message) for message in self._client.lrange(QUEUE, 0, -1)]
        messages += [json.loads(message)[0] for message in self._client.hvals("unacked")]
        return {message["headers"]["id"] for message in messages} & set(task_ids)


def _addressed(env: Mapping[str, str]) -> dict[str, str]:
    return {**env, "CELERY_BROKER_URL": env["REDIS_URL"], "CELERY_RESULT_BACKEND": env["REDIS_URL"]}
