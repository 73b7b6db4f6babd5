"""The running job, as the function of its task sees it."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from jobs.origin import KEPT_AS

type JobLogger = logging.LoggerAdapter[logging.Logger]
type Report = Callable[[int, int | None, str], None]
"""What carries progress away: `(done, total, message)`."""


def _unreported(done: int, total: int | None, message: str) -> None:
    """Where a task is called as a plain function, nobody waits for its progress."""


def _unlogged(message: str) -> None:
    """Nor reads its log."""


def _never() -> bool:
    """Nor cancels it."""
    return False


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job at one attempt.

    A task whose first parameter is annotated `Job` gets it; it is no part of the task's schema.
    """

    id: str
    task: str
    attempt: int = 1
    """Counts from 1; a hand-back at a worker's shutdown does not count."""
    attempt_token: int = 0
    """Rises with every attempt of the job, also where attempts overlap: a worker was frozen, is believed
    dead, and comes back. A store that keeps the highest that it has seen, and refuses lower ones, is safe
    from what such an attempt still writes. 0 outside a worker."""
    origin: str = field(default="", repr=False)
    """The name of the request that the job came with."""
    report: Report = field(default=_unreported, repr=False)
    write: Callable[[str], None] = field(default=_unlogged, repr=False)
    """What carries a line of the log away."""
    asked_to_stop: Callable[[], bool] = field(default=_never, repr=False)

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Say how far the job is: `done` of `total` steps, and a message of at most 500 characters.

        Shown by the job's detail while it runs. It never raises: an attempt that lost its job
        reports into the void.
        """
        self.report(done, total, message[:500])

    def log(self, message: str) -> None:
        """Write a line of at most 2,000 characters to the job's own log.

        The log is read over HTTP while the job runs and as long as it is kept: its latest lines, as many as
        the setting `LOG_LINES` says. As `progress`, it never raises.
        """
        self.write(message[:2000])

    @property
    def cancelled(self) -> bool:
        """Whether somebody cancelled the job: then tidy up and return, or raise; the job ends REVOKED.

        Who does not look here is interrupted by `SoftTimeLimitExceeded` after `CANCEL_GRACE`, and ended
        with its process after as much time again.
        """
        return self.asked_to_stop()

    @property
    def logger(self) -> JobLogger:
        """A logger named after the task, whose lines tell the job's id and attempt, in any thread."""
        told: dict[str, object] = {"task": self.task, "job": self.id, "attempt": self.attempt}
        if self.origin:
            told[KEPT_AS] = self.origin
        return logging.LoggerAdapter(logging.getLogger(f"tasks.{self.task}"), told, merge_extra=True)
