"""A thread that reads the subject's tally ten times a second, whenever Redis answers."""

import threading

from jobs.chaos.subject import Subject, Tally

EVERY_SECONDS = 0.1


class Sampler(threading.Thread):
    """Keeps the last tally, and the largest gap of all."""

    def __init__(self, subject: Subject, first: Tally) -> None:
        super().__init__(name="sampler", daemon=True)
        self.last = first
        self.samples = 0
        self.largest_gap: int | None = first.gap
        self._subject = subject
        self._first = first
        self._stop = threading.Event()

    @property
    def ended(self) -> int:
        """Jobs that ended since the run began."""
        return self.last.ended - self._first.ended

    @property
    def accepted(self) -> int:
        """Jobs that were accepted since the run began."""
        return self.last.accepted - self._first.accepted

    def run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            self.look()

    def look(self) -> None:
        """Read the tally."""
        tally = self._subject.tally()
        if tally is None:
            return
        self.last = tally
        self.samples += 1
        if tally.gap is not None:
            self.largest_gap = max(self.largest_gap or 0, tally.gap)

    def stop(self) -> None:
        """Look once more, and end."""
        self._stop.set()
        self.join()
        self.look()
