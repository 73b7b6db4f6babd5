"""The ticker: a thread that keeps the ledger's clock going, in every worker and API process.

Many tick; the ledger lets one a second through. So delayed jobs become ready, and lost ones are
taken back, with zero workers as well.
"""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

from django.db import connections

from jobs import results
from jobs.conf import settings
from jobs.errors import JobsError
from jobs.ledger import ledger
from jobs.quiet import during_work
from jobs.registry import all_tasks

logger = logging.getLogger("jobs.ticker")
EVERY_SECONDS = 1.0
SWEEP_EVERY = timedelta(hours=1)
SPARE = timedelta(days=1)
"""How long past every retention a stored result may stay that no job points to."""
RUBBISH_PIECE = 200


class Ticker(threading.Thread):
    """Ticks once a second, for as long as its process lives."""

    def __init__(self) -> None:
        super().__init__(name="ticker", daemon=True)
        self._swept = time.monotonic()
        self._away = False

    def run(self) -> None:
        while True:
            began, wait = time.monotonic(), EVERY_SECONDS
            try:
                with during_work:
                    wait = self._tick()
            except JobsError as error:
                if not self._away:
                    logger.warning("tick.failed reason=%s", error)
                self._away = True
            except Exception:
                logger.exception("tick.failed")
            else:
                if self._away:
                    logger.info("tick.resumed")
                self._away = False
            time.sleep(max(0.05, wait - (time.monotonic() - began)))

    def _tick(self) -> float:
        """Do what is to be done now; gives the seconds until more is due, or until the next whole tick."""
        ticked = ledger().tick()
        while ticked.more:
            ticked = ledger().tick(force=True)
        if ticked.rubbish:
            self._delete_rubbish()
        if time.monotonic() - self._swept > SWEEP_EVERY.total_seconds():
            self._swept = time.monotonic()
            self._sweep()
        return min(EVERY_SECONDS, ticked.next.total_seconds())

    def _delete_rubbish(self) -> None:
        """Delete the stored results of jobs that were trimmed, then forget them: twice does no harm."""
        if found := ledger().rubbish(RUBBISH_PIECE):
            results.delete_jobs(dict(sorted(found)))  # of an id's tokens the highest comes last, and counts
            ledger().rubbish_gone(found)

    def _sweep(self) -> None:
        own = (task.options.result_ttl or timedelta(0) for task in all_tasks())
        longest = max(settings().RESULT_TTL, settings().FAILURE_TTL, *own)
        try:
            while results.sweep(datetime.now(UTC) - longest - SPARE):
                pass
        finally:
            connections.close_all()
