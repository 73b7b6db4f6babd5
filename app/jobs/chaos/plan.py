"""What a run is to do, and the environment that its processes get."""

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from jobs.up.plan import APP

LEASE = timedelta(seconds=5)
RENEW_EVERY = timedelta(seconds=1)
TASKS = "tasks,jobs.chaos.tasks"
"""What `JOBS_TASK_PACKAGES` must say where a run's jobs are to run."""
APIS = 2
OUTSTANDING_SHARE = 10
"""A tenth of the jobs, at the most, is accepted and has not ended: submits go on for the whole run."""


class CannotRun(Exception):
    """The run cannot start, or cannot go on; the message is one line."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run."""

    jobs: int
    kills: int
    redis_restarts: int
    seed: int
    fsync: str = "always"
    """Redis's `appendfsync`: `always` or `everysec`."""
    workers: int = 3
    concurrency: int = 6
    """Pool processes of each worker."""
    redis_server: str | None = None
    """Path of a Redis or Valkey; None for the embedded Valkey."""

    @property
    def outstanding(self) -> int:
        """How many jobs may be accepted and not ended."""
        return max(200, self.jobs // OUTSTANDING_SHARE)


def environment(directory: Path, redis_url: str, **more: str) -> dict[str, str]:
    """What a process of the run gets: nothing that this shell has set for the platform."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {
        "PYTHONPATH": str(APP),
        "REDIS_URL": redis_url,
        "DATABASE_URL": f"sqlite:///{directory / 'db.sqlite3'}",
        "TMPDIR": str(directory),
        "JOBS_TASK_PACKAGES": TASKS,
        "JOBS_LEASE_SECONDS": f"{LEASE.total_seconds():g}",
        "JOBS_RENEW_EVERY_SECONDS": f"{RENEW_EVERY.total_seconds():g}",
        # Kills are what a run is made of; a job that meets more than three of them must not end dead.
        "JOBS_LOST_LIMIT": "1000",
        **more,
    }
