"""The load of each pool, read from a signal at most every two seconds, however many ask."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Protocol

from jobs.adapter.answer import Answer
from jobs.adapter.documents import quantity
from jobs.errors import JobsError

logger = logging.getLogger("jobs.adapter")
FRESH = timedelta(seconds=2)
RETRY = timedelta(milliseconds=500)
"""How long an error is answered to all, before the signal is read again."""


class Signal(Protocol):
    """What the load is read from."""

    def read(self) -> Mapping[str, int | Decimal]:
        """The load now, by pool.

        Raises:
            JobsError: it cannot be told now.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What one reading gave, for all who ask while it is fresh."""

    loads: Mapping[str, str]
    """By pool, as Kubernetes writes numbers."""
    at: datetime
    """When it began to be read."""
    until: float
    """How long it holds, by the monotonic clock."""
    answers: dict[bytes, Answer] = field(default_factory=dict)
    """What was answered from it, by target."""


class Unread(Exception):
    """The load cannot be told now."""


class Loads:
    """A signal's snapshots. Any thread may ask; one reads, and who came meanwhile gets what it read."""

    def __init__(self, signal: Signal, fresh: timedelta = FRESH, retry: timedelta = RETRY) -> None:
        self._signal = signal
        self._fresh, self._retry = fresh.total_seconds(), retry.total_seconds()
        self._reading = threading.Lock()
        self._latest: tuple[float, Snapshot | None] = (float("-inf"), None)
        """Until when it holds, and what was read; None where it could not be."""
        self._away = False

    def now(self) -> Snapshot:
        """The load, at most `fresh` after it was read.

        Raises:
            Unread: it cannot be told; never an older one in its place.
        """
        until, latest = self._latest
        if time.monotonic() >= until:
            with self._reading:
                until, latest = self._latest
                if time.monotonic() >= until:
                    latest = self._read()
        if latest is None:
            raise Unread
        return latest

    def _read(self) -> Snapshot | None:
        at = datetime.now(UTC)
        try:
            loads = {pool: quantity(load) for pool, load in self._signal.read().items()}
        except JobsError as error:
            if not self._away:
                logger.warning("load.unread reason=%s", error)
        except Exception:
            if not self._away:
                logger.exception("load.failed")
        else:
            if self._away:
                logger.info("load.read")
            until = time.monotonic() + self._fresh
            self._away, snapshot = False, Snapshot(loads=loads, at=at, until=until)
            self._latest = (until, snapshot)
            return snapshot
        self._away = True
        self._latest = (time.monotonic() + self._retry, None)
        return None
