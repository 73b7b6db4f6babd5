"""What a run is done to: the platform, or stock Celery beside it, behind one face."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from jobs.chaos.counted import Counted
from jobs.chaos.processes import Program


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How far a run is, as its own books tell."""

    accepted: int
    ended: int
    gap: int | None
    """Accepted jobs that are nowhere; None where nobody counts them."""


class Subject(Protocol):
    """Processes that take jobs and run them.

    They serve `POST /api/tasks/…/?delay=…`, `GET /api/tasks/status/…/` and, where they can,
    `POST /api/jobs/…/cancel/`.
    """

    name: str
    patience: timedelta
    """How long nothing moves before what has not ended counts as stuck."""

    def prepare(self, directory: Path, env: Mapping[str, str]) -> None:
        """What comes before the first process."""

    def worker(self, name: str, directory: Path, env: Mapping[str, str], concurrency: int) -> Program:
        """A worker."""

    def api(self, name: str, directory: Path, env: Mapping[str, str], port: int) -> Program:
        """An API on this port of this machine."""

    def tally(self) -> Tally | None:
        """How far it is; None while Redis is away."""

    def counted(self) -> Counted | None:
        """What its own counters tell; None where it has none. Raises `CannotRun` while Redis is away."""

    def remaining(self, task_ids: Collection[str]) -> Collection[str]:
        """Which of these jobs, that have not ended, are still somewhere; the others are lost."""
