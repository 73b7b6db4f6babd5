"""The sweeper: a thread beside the ticker that deletes the stored results of jobs that are gone.

It is not the ticker's work: a database that hangs must hold up no clock, lease or fork.
"""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

from django.db import Error, connections

from jobs import results
from jobs.conf import settings
from jobs.errors import JobsError
from jobs.ledger import Ledger
from jobs.quiet import during_database
from jobs.registry import all_tasks

logger = logging.getLogger("jobs.sweeper")
SWEEP_EVERY = timedelta(hours=1)
SPARE = timedelta(days=1)
"""How long past every retention a stored result may stay that no job points to."""
PIECE = 200
AGAIN_SECONDS = 3.0
"""How long a database that failed is left alone."""


class Sweeper(threading.Thread):
    """Works when it is called, and once an hour."""

    def __init__(self) -> None:
        super().__init__(name="sweeper", daemon=True)
        self.called = threading.Event()
        """Set when there is something to delete."""
        self._swept = time.monotonic()
        self._failed = False
        self._ledger = Ledger(settings())
        """Its own: a fork may come while it waits for Redis, and the child must not inherit that."""

    def run(self) -> None:
        while True:
            self.called.wait(SWEEP_EVERY.total_seconds())
            self.called.clear()
            if not self._worked():
                time.sleep(AGAIN_SECONDS)

    def _worked(self) -> bool:
        try:
            while self.delete_rubbish() == PIECE:
                time.sleep(0.01)  # whoever waits to fork gets its turn
            if time.monotonic() - self._swept > SWEEP_EVERY.total_seconds():
                self._swept = time.monotonic()
                self.sweep()
        except (JobsError, Error) as error:
            if not self._failed:
                logger.warning("sweep.failed reason=%s", " ".join(str(error).split()))
            self._failed = True
        except Exception:
            logger.exception("sweep.failed")
            self._failed = True
        else:
            if self._failed:
                logger.info("sweep.resumed")
            self._failed = False
        return not self._failed

    def delete_rubbish(self) -> int:
        """Delete what some of the forgotten jobs stored, then forget them: twice does no harm."""
        with during_database:
            try:
                if found := self._ledger.rubbish(PIECE):
                    results.delete_jobs(
                        dict(sorted(found))
                    )  # of an id's tokens the highest comes last, and counts
                    self._ledger.rubbish_gone(found)
            finally:
                connections.close_all()
        return len(found)

    def sweep(self) -> None:
        """Delete what nothing points to any more, beyond every retention."""
        own = (task.options.result_ttl or timedelta(0) for task in all_tasks())
        longest = max(settings().RESULT_TTL, settings().FAILURE_TTL, *own)
        before = datetime.now(UTC) - longest - SPARE
        deleted = 1
        while deleted:
            with during_database:
                try:
                    deleted = results.sweep(before)
                finally:
                    connections.close_all()
