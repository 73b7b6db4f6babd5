"""The controller as a process: it looks every few seconds until it is told to stop."""

import logging
import signal
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from jobs.errors import LedgerUnavailable
from jobs.kubernetes import KubernetesError

logger = logging.getLogger("jobs.controller")


class Duty(Protocol):
    """Something to see to."""

    def look(self) -> object:
        """See to it once; raises KubernetesError or LedgerUnavailable where it cannot now."""


def run(duties: Sequence[Duty], every: timedelta, health: Path | None) -> int:
    """Look until SIGTERM or SIGINT; gives the exit code.

    After each look, also one that failed, the files `alive` and `ready` in `health` are touched: a restart
    would bring back neither Redis nor Kubernetes' API.
    """
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    files = _files(health)
    faults: dict[Duty, str] = {}
    while True:
        for duty in duties:
            _see_to(duty, faults)
        for file in files:
            file.touch()
        if stop.wait(every.total_seconds()):
            return 0


def _see_to(duty: Duty, faults: dict[Duty, str]) -> None:
    """What lasts is said once."""
    before, name = faults.get(duty, ""), type(duty).__name__.lower()
    try:
        duty.look()
        faults[duty] = ""
    except (KubernetesError, LedgerUnavailable) as error:
        faults[duty] = str(error)
        if faults[duty] != before:
            logger.warning("controller.waits duty=%s reason=%s", name, error)
    else:
        if before:
            logger.info("controller.goes_on duty=%s", name)


def _files(health: Path | None) -> list[Path]:
    """What `probe.py` looks at."""
    if health is None:
        return []
    try:
        health.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(f"taskbell: JOBS_HEALTH_DIR: {error}") from None
    return [health / "alive", health / "ready"]
