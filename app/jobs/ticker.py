"""The ticker: a thread that keeps the ledger's clock going, in every worker and API process.

Many tick; the ledger lets one a second through. So delayed jobs become ready, and lost ones are
taken back, with zero workers as well.
"""

import logging
import threading
import time

from jobs.errors import JobsError
from jobs.ledger import ledger
from jobs.quiet import during_work
from jobs.sweeper import Sweeper

logger = logging.getLogger("jobs.ticker")
EVERY_SECONDS = 1.0


class Ticker(threading.Thread):
    """Ticks once a second, for as long as its process lives."""

    def __init__(self) -> None:
        super().__init__(name="ticker", daemon=True)
        self._away = False
        self._sweeper = Sweeper()

    def run(self) -> None:
        self._sweeper.start()
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
            self._sweeper.called.set()
        return min(EVERY_SECONDS, ticked.next.total_seconds())
