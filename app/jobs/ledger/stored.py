"""Stored results in Redis, where there is no database: each a hash of pieces, so that no call is a large one.

Its key bears the token of its attempt. It ends with its job: when the attempt is recorded it gets the job's
retention, until then it has a bound of its own; so no crash leaves anything for ever.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from redis.exceptions import ResponseError

from jobs.conf import Settings
from jobs.errors import JobsError, LedgerFull, ResultNotStored
from jobs.ledger.scripts import load
from jobs.ledger.wire import Shared, Stubborn, is_full

PIECE_BYTES = 256 * 1024
UNRECORDED = timedelta(days=1)
"""How long it waits for its attempt to be recorded: longer than Redis may be out of a worker's reach."""


@dataclass(frozen=True, kw_only=True)
class InLedger:
    """A result in Redis."""

    store: "StoredResults"
    task_id: str
    token: int
    size_bytes: int

    def pieces(self) -> Iterator[bytes]:
        """The result's bytes, read as they are wanted.

        Raises:
            ResultNotStored: it was deleted meanwhile.
            LedgerUnavailable: Redis does not answer.
        """
        for number in range(-(-self.size_bytes // PIECE_BYTES)):
            piece = self.store.field(self.task_id, self.token, str(number))
            if piece is None:
                raise ResultNotStored(f"{self.task_id}: it was deleted.")
            yield piece


class StoredResults:
    """Keeps, finds and deletes them."""

    def __init__(self, settings: Settings, shared: Shared) -> None:
        self._settings = settings
        self._shared = shared
        self._redis: Any = shared.redis
        self._script = load(settings)["keep"]

    def keep(self, task_id: str, token: int, body: bytes) -> None:
        """Keep the result of the attempt with this token; a second time replaces the first.

        It waits for as long as Redis is away, as a finish does.

        Raises:
            LedgerFull: Redis is at `maxmemory`; nothing is kept.
        """
        wire = Stubborn(self._settings)  # for each: whoever stores may be any thread, and may fork
        try:
            while not self._kept(wire, task_id, token, body):
                pass
        except ResponseError as error:
            self.drop(task_id, token)
            if is_full(error):
                told = f"Redis is at its maxmemory, and has no room for this result of {len(body)} bytes."
                raise LedgerFull(told) from error
            raise
        finally:
            wire.close()

    def _kept(self, wire: Stubborn, task_id: str, token: int, body: bytes) -> bool:
        """Write all pieces; False where Redis lost some meanwhile."""
        wait_ms = UNRECORDED // timedelta(milliseconds=1)
        for number, start in enumerate(range(0, len(body), PIECE_BYTES)):
            piece = body[start : start + PIECE_BYTES]
            size = len(body) if start + PIECE_BYTES >= len(body) else ""
            if not wire.run(self._script, task_id, token, number, piece, wait_ms, size):
                return False
        return True

    def find(self, task_id: str, token: int) -> InLedger | None:
        """The result that the attempt with this token stored, if there is one.

        Raises:
            LedgerUnavailable: Redis does not answer.
        """
        size = self.field(task_id, token, "size")
        if size is None:
            return None
        return InLedger(store=self, task_id=task_id, token=token, size_bytes=int(size))

    def drop(self, task_id: str, token: int) -> None:
        """Delete what an attempt stored, if Redis answers; else it ends by itself."""
        with suppress(JobsError):
            self._shared.attempt(lambda: self._redis.unlink(self._key(task_id, token)))

    def field(self, task_id: str, token: int, name: str) -> bytes | None:
        """A piece by its number, or `size`: there when all pieces are."""
        found: bytes | None = self._shared.attempt(lambda: self._redis.hget(self._key(task_id, token), name))
        return found

    def _key(self, task_id: str, token: int) -> str:
        return f"{self._settings.PREFIX}stored:{task_id}:{token}"
