"""Waiting until what was written is as durable as its caller wants.

Redis waits for what the asking connection wrote, so the write and the wait share one.
"""

from collections.abc import Sequence
from typing import Any, Literal

import redis
from redis.exceptions import NoScriptError, ResponseError

from jobs.conf import Settings
from jobs.ledger.scripts import Script
from jobs.ledger.wire import LOST, Argument, Shared, pool


class Durably:
    """Runs a script that may run twice, then waits for its effect to be on disk or on a replica."""

    def __init__(self, settings: Settings, shared: Shared) -> None:
        self._shared = shared
        self._wait_ms = int(settings.WAIT_TIMEOUT.total_seconds() * 1000)
        self._mark = f"{settings.PREFIX}wait"
        self._seconds = settings.REDIS_TIMEOUT.total_seconds()
        self._redis: Any = redis.Redis(connection_pool=pool(settings, timeout_seconds=self._seconds))

    def run(
        self, script: Script, arguments: Sequence[Argument], wait: Literal["fsync", "replica"]
    ) -> tuple[Any, str]:
        """The script's answer, and why it is not durable; '' where it is.

        Raises:
            LedgerFull, LedgerUnavailable: as `Shared.run`, of the script. Whatever happens once it has
                answered is why it is not durable.
        """
        return self._shared.attempt(lambda: self._once(script, arguments, wait))

    def _once(self, script: Script, arguments: Sequence[Argument], wait: str) -> tuple[Any, str]:
        with self._redis.client() as one:
            try:
                answer = one.evalsha(script.digest, 0, *arguments)
            except NoScriptError:
                answer = one.eval(script.source, 0, *arguments)
            try:
                # Where a first try wrote it and its answer was lost, this connection has written nothing.
                one.set(self._mark, 1, px=60_000)
                return answer, self._waited(one.connection, wait)
            except ResponseError as error:
                return answer, f"Redis refuses to wait: {error}"
            except LOST:
                return answer, "Redis stopped answering"

    def _waited(self, connection: Any, wait: str) -> str:
        """Wait on the connection that wrote, for as long as Redis may take, and its answer."""
        words = ("WAITAOF", 1, 0) if wait == "fsync" else ("WAIT", 1)
        connection.send_command(*words, self._wait_ms)
        told = connection.read_response(timeout=self._wait_ms / 1000 + self._seconds)
        if wait == "fsync":
            return "" if told[0] else f"Redis's file was not on disk within {self._wait_ms} ms"
        return "" if told else f"no replica had it within {self._wait_ms} ms"
