"""Cancels: carried from the ledger to the attempts that run here, gently first.

A cancelled attempt is told by its slot at once (`job.cancelled`), interrupted after the grace, and ended by
force after as much time again.
"""

import logging
import time

from jobs.conf import settings
from jobs.ledger import ledger
from jobs.worker.board import Running, Slot
from jobs.worker.limits import Judge

logger = logging.getLogger("jobs.worker")
LOOK_EVERY_SECONDS = 0.25


class Cancels:
    """Asks the ledger for cancels while something runs."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._looked = float("-inf")
        self._heard: dict[int, float] = {}
        """By token: when this worker heard of its cancel."""
        self._interrupted: set[int] = set()

    def look(self, at_work: list[tuple[Slot, Running]]) -> None:
        """Tell the attempts that are to stop, and press those that were told before.

        Raises:
            LedgerUnavailable: it does not answer; what was asked of it is asked again (`Judge.settle`).
        """
        tokens = {running.token for _, running in at_work}
        self._heard = {token: at for token, at in self._heard.items() if token in tokens}
        self._interrupted &= tokens
        self._press(at_work)
        if at_work and time.monotonic() - self._looked >= LOOK_EVERY_SECONDS:
            asked = ledger().cancels()
            self._looked = time.monotonic()
            for slot, running in at_work:
                if asked.get(running.job_id) == str(running.token) and running.token not in self._heard:
                    self._heard[running.token] = time.monotonic()
                    slot.cancel = running.token
                    logger.warning("attempt.cancelled task=%s job=%s", running.task, running.job_id)

    def _press(self, at_work: list[tuple[Slot, Running]]) -> None:
        grace = settings().CANCEL_GRACE.total_seconds()
        for slot, running in at_work:
            since = time.monotonic() - self._heard.get(running.token, float("inf"))
            if since >= grace and running.token not in self._interrupted:
                self._interrupted.add(running.token)
                self._judge.interrupt(slot, running)
            elif since >= 2 * grace and running.token in self._interrupted:
                self._judge.cancel(slot, running)
