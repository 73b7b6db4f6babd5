"""Cancels: some jobs are cancelled a moment after their submit, wherever they are by then."""

import heapq
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from jobs.chaos.books import Books
from jobs.chaos.client import Api, Unanswered
from jobs.chaos.strikes import now

TRY_AGAIN = (429, 500, 502, 503, 504)
"""Answers after which a request is sent again; it may have been served, or not."""
NO_ROUTE = (404, 405)
PAUSE_SECONDS = 0.1


class Canceller(threading.Thread):
    """Cancels jobs when their time has come."""

    def __init__(self, urls: Sequence[str], run: str, books: Books) -> None:
        super().__init__(name="canceller", daemon=True)
        self.answers: Counter[int] = Counter()
        """By their status."""
        self._books = books
        self._api = Api(urls, f"{run} cancels")
        self._due: list[tuple[float, str]] = []
        self._open = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def cancel(self, task_id: str, after: timedelta) -> None:
        """Cancel a job after this time."""
        with self._lock:
            self._open += 1
            heapq.heappush(self._due, (time.monotonic() + after.total_seconds(), task_id))

    @property
    def is_done(self) -> bool:
        """Whether every cancel was answered."""
        return self._open == 0

    def stop(self) -> None:
        """Cancel nothing more."""
        self._stop.set()
        self.join()
        self._api.close()

    def run(self) -> None:
        while not self._stop.wait(0.02):
            while (task_id := self._next()) and not self._stop.is_set():
                self._send(task_id)
                with self._lock:
                    self._open -= 1

    def _next(self) -> str | None:
        with self._lock:
            if self._due and self._due[0][0] <= time.monotonic():
                return heapq.heappop(self._due)[1]
        return None

    def _send(self, task_id: str) -> None:
        while not self._stop.is_set():
            try:
                answer = self._api.post(path(task_id), {})
            except Unanswered:
                continue
            if answer.status not in TRY_AGAIN:
                self.answers[answer.status] += 1
                if answer.status == 200 and answer.json().get("outcome") == "revoked":
                    self._books.revoked[task_id] = now()
                return
            self._stop.wait(PAUSE_SECONDS)


def path(task_id: str) -> str:
    """Where a job is cancelled."""
    return f"/api/jobs/{task_id}/cancel/"
