"""Connections to Redis: shared ones for callers that give up, one of its own for a holder that must not.

The client's own retries are off everywhere: only who knows whether a script may run twice may send
it again.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import hiredis
import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError, ResponseError
from redis.retry import Retry

from jobs.conf import Settings
from jobs.errors import LedgerFull, LedgerUnavailable
from jobs.ledger import reach
from jobs.ledger.scripts import Script

logger = logging.getLogger(__name__)

type Argument = str | bytes | int
LOST = (redis.ConnectionError, redis.TimeoutError, OSError)
"""A call that ended so may have run, or not. A password that Redis refuses is one of them."""
AWAY = "Redis, which holds the jobs, does not answer; try again in a moment."
PASSING = frozenset({"BUSY", "MASTERDOWN", "MISCONF", "NOREPLICAS", "READONLY"})
"""Refusals that end with what causes them: a failover, a full disk, a script that runs long."""


def pool(settings: Settings, *, timeout_seconds: float) -> redis.ConnectionPool:
    """Connections to the ledger's Redis whose calls take `timeout_seconds` at the most."""
    return reach.pool(
        settings, socket_timeout=timeout_seconds, socket_connect_timeout=timeout_seconds,
        socket_keepalive=True, retry=Retry(NoBackoff(), 0), protocol=2,
    )  # fmt: skip


class Shared:
    """Calls that are answered within about twice the timeout, or raise.

    While Redis is away, one caller at a time finds out whether it is back; the others are told at
    once, so that a hanging Redis cannot hold every thread of a server.
    """

    def __init__(self, settings: Settings) -> None:
        seconds = settings.REDIS_TIMEOUT.total_seconds()
        self.redis = redis.Redis(connection_pool=pool(settings, timeout_seconds=seconds))
        self._away = False
        self._probing = threading.Lock()

    def run(self, script: Script, *arguments: Argument) -> Any:
        """Run a script that may run twice: a call whose answer is lost is sent once more.

        Raises:
            LedgerFull: Redis is at `maxmemory`.
            LedgerUnavailable: Redis does not answer.
        """

        def call() -> Any:
            try:
                return self.redis.evalsha(script.digest, 0, *arguments)
            except NoScriptError:
                return self.redis.eval(script.source, 0, *arguments)

        return self.attempt(call)

    def attempt[T](self, call: Callable[[], T]) -> T:
        """The answer to a call that may be made twice."""
        if not self._away:
            return self._try(call)
        if not self._probing.acquire(blocking=False):
            raise LedgerUnavailable(AWAY)
        try:
            return self._try(call)
        finally:
            self._probing.release()

    def _try[T](self, call: Callable[[], T]) -> T:
        try:
            answer = self._twice(call)
        except LedgerUnavailable as error:
            self._away = isinstance(error.__cause__, LOST)  # not for what one script did wrong
            raise
        self._away = False
        return answer

    def _twice[T](self, call: Callable[[], T]) -> T:
        try:
            try:
                return call()
            except LOST:
                return call()
        except RedisError as error:
            if is_full(error):
                raise LedgerFull("Redis is at its maxmemory; nothing was stored.") from error
            logger.warning("ledger.unavailable reason=%s", error)
            raise LedgerUnavailable(AWAY) from error
        except OSError as error:
            logger.warning("ledger.unavailable reason=%s", error)
            raise LedgerUnavailable(AWAY) from error


class Stubborn:
    """One connection whose calls go on until they are answered, through any outage of Redis.

    Every script that it runs must give the same answer when it is sent again. What Redis refuses is
    raised as `redis.ResponseError`. One that `gives_up` raises `LedgerUnavailable` after `REDIS_TIMEOUT`;
    its caller sends again.
    """

    def __init__(self, settings: Settings, *, gives_up: bool = False) -> None:
        self._gives_up = gives_up
        self._pool = pool(settings, timeout_seconds=settings.REDIS_TIMEOUT.total_seconds() if gives_up else 5)
        self._connection: Any = None

    def run(self, script: Script, *arguments: Argument) -> Any:
        pause = 0.05
        while True:
            try:
                return self._once(script, arguments)
            except (*LOST, ResponseError) as error:
                if isinstance(error, ResponseError) and _code(error) not in PASSING:
                    raise
                logger.debug("ledger.away reason=%s", error)
                self.close()
                if self._gives_up:
                    raise LedgerUnavailable(AWAY) from error
                time.sleep(pause)
                pause = min(pause * 2, 1.0)

    def _once(self, script: Script, arguments: Iterable[Argument]) -> Any:
        connection = self._connection
        if connection is None:
            connection = self._connection = self._pool.make_connection()
            connection.connect()  # type: ignore[no-untyped-call]  # sending would not ask the Sentinels
        packed = hiredis.pack_command(("EVALSHA", script.digest, 0, *arguments))  # type: ignore[arg-type]  # its stub says: a tuple of one
        connection.send_packed_command([packed], check_health=False)
        try:
            return connection.read_response()
        except NoScriptError:
            connection.send_command("EVAL", script.source, 0, *arguments, check_health=False)
            return connection.read_response()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None


def is_full(error: Exception) -> bool:
    """Whether Redis refused for want of memory."""
    return isinstance(error, OutOfMemoryError) or "OOM" in str(error)


def _code(error: ResponseError) -> str:
    """The word that Redis's refusal begins with; the client cuts it off where it knows it."""
    return error.status_code or str(error).partition(" ")[0]
