"""The relay: a thread in every worker and API process that submits what waits in the outbox.

There is something where Redis was away at a commit, or the process that committed died. Any number of relays
may be at it: the ledger takes each id once. It is not the ticker's work: a database that hangs must hold up
no clock, lease or fork.
"""

import logging
import random
import threading
import time
from collections.abc import Sequence

from django.db import DatabaseError, connections

from jobs import outbox
from jobs.conf import settings
from jobs.errors import JobsError, QueueFull
from jobs.ledger import Ledger
from jobs.outbox import Waiting
from jobs.quiet import during_database

logger = logging.getLogger("jobs.outbox")
EVERY_SECONDS = 3.0
WITHOUT_TABLE_SECONDS = 60.0
"""How long a database without the table is left alone: each look is an error in its own log."""
PIECE = 100


def start() -> None:
    """Start this process's relay, if there is a database to look into."""
    if outbox.databases():
        Relay().start()


class Relay(threading.Thread):
    """Looks into the outbox of each database every few seconds, for as long as its process lives."""

    def __init__(self) -> None:
        super().__init__(name="relay", daemon=True)
        self._not_before: dict[str, float] = {}
        self._said: dict[str, str] = {}
        """What keeps a database's jobs waiting, as it was last said."""
        self._unreadable: set[str] = set()
        self._ledger = Ledger(settings())
        """Its own: a fork may come while it waits for Redis, and the child must not inherit that."""

    def run(self) -> None:
        while True:
            for alias in outbox.databases():
                if time.monotonic() >= self._not_before.get(alias, 0.0):
                    self._look(alias)
            time.sleep(
                EVERY_SECONDS * random.uniform(0.8, 1.2)
            )  # processes that started together drift apart

    def _look(self, alias: str) -> None:
        try:
            self._say(alias, self._relay(alias))
        except DatabaseError as error:
            if not outbox.lacks_table(error):
                self._say(alias, f"the database fails: {' '.join(str(error).split())}")
                return
            self._not_before[alias] = time.monotonic() + WITHOUT_TABLE_SECONDS
            if alias == "default":  # another need not have one: nothing can wait there
                self._say(alias, outbox.lacking(alias))
        except Exception:
            logger.exception("outbox.failed database=%s", alias)

    def _relay(self, alias: str) -> str:
        """Submit what waits in this database, in order; gives what keeps the rest waiting, or ''."""
        after, round_ = 0, _Round(self._ledger, self._unreadable)
        while True:
            with during_database:
                try:
                    rows = outbox.waiting(alias, after, PIECE)
                    outbox.forget_rows(alias, round_.submit(rows))
                finally:
                    # Whatever forks must carry no connection.
                    connections[alias].close()
            if round_.over or len(rows) < PIECE:
                return round_.trouble
            after = rows[-1].pk
            time.sleep(0.01)  # whoever waits to fork gets its turn

    def _say(self, alias: str, trouble: str) -> None:
        """Log what keeps jobs waiting, once for as long as it lasts."""
        before = self._said.get(alias, "")
        self._said[alias] = trouble
        if trouble and trouble != before:
            logger.warning("outbox.waits database=%s reason=%s", alias, trouble)
        elif before and not trouble:
            logger.info("outbox.resumed database=%s", alias)


class _Round:
    """One way through an outbox."""

    def __init__(self, ledger: Ledger, unreadable: set[str]) -> None:
        self._ledger = ledger
        self.trouble = ""
        self.over = False
        """Whether the ledger takes no job at all now."""
        self._full: set[str] = set()
        self._unreadable = unreadable

    def submit(self, rows: Sequence[Waiting]) -> list[int]:
        """Submit these; gives the keys of those that need not wait any more."""
        done = []
        for row in rows:
            try:
                if self._submitted(row):
                    done.append(row.pk)
            except JobsError as error:
                self.trouble, self.over = str(error), True
                break
            except ValueError as error:  # one bad row must not hold up the others
                self._skip(row, error)
        return done

    def _submitted(self, row: Waiting) -> bool:
        job = row.submission()
        if job.queue in self._full:
            return False
        try:
            new = self._ledger.submit(job).new
        except QueueFull as error:
            self._full.add(job.queue)
            self.trouble = str(error)
            return False
        except JobsError as error:
            if not outbox.is_answered(error):
                raise
            logger.warning("outbox.answered task=%s job=%s reason=%s", job.task, job.id, error)
        else:
            if new:
                logger.info("outbox.relayed task=%s job=%s", job.task, job.id)
        return True

    def _skip(self, row: Waiting, error: ValueError) -> None:
        if row.job_id not in self._unreadable:
            self._unreadable.add(row.job_id)
            logger.error("outbox.unreadable job=%s reason=%s", row.job_id, " ".join(str(error).split()))
