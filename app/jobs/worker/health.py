"""The worker's health as two files, for the probes of an orchestrator; `probe.py` reads them.

`alive` is touched every second while the main process makes progress. `ready` is there while the worker
takes work. A Redis that is away changes neither: a restart would not bring it back, and would cost what
runs. Whoever hangs all the same is seen: the keeper, which touches `alive`, and Celery's own loop, which
it watches.
"""

import logging
import time
from pathlib import Path
from typing import Any

from jobs.errors import LedgerUnavailable
from jobs.ledger import ledger
from jobs.quiet import during_work

logger = logging.getLogger("jobs.worker")
BEAT_SECONDS = 1.0
DOUBT_SECONDS = 5.0
"""How long Celery's loop is silent before Redis is asked, at every beat, whether it is the reason."""
HUNG_SECONDS = 60.0
"""How long it is silent, while Redis answers, before the worker counts as hung."""


class Health:
    """The files of one worker. Without a directory there are none, and nothing is watched.

    The keeper calls `beat`, the main thread and its handlers of signals all else.
    """

    def __init__(self, directory: Path | None) -> None:
        self._files = {name: directory / name for name in ("alive", "ready")} if directory else {}
        self._beat_at = self._excused = float("-inf")
        """When the keeper was last here, and when it last found Redis away."""
        self._turned: float | None = None
        """When Celery's loop last turned; None where nothing can be told from its silence."""
        self._timer: Any = None
        self._stopping = self._hung_said = self._fault_said = False
        if directory:
            self._clear(directory)

    def watch(self, hub: Any) -> None:
        """Celery's loop has a broker. It is watched from its next turn on."""
        self.ignore()
        if self._files and hub is not None:
            self._timer = hub.call_repeatedly(BEAT_SECONDS, self._turn)
            hub.call_soon(self._turn)

    def ignore(self) -> None:
        """It has lost its broker, and waits for another as long as that takes."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._turned = None

    def ready(self) -> None:
        """The worker takes work."""
        self._touch("ready")
        if self._stopping:  # told so right now, by a signal
            self._remove("ready")

    def stop(self) -> None:
        """The worker is told to stop. Its main thread waits for what runs now, and turns no loop."""
        self._stopping = True
        self._remove("ready")

    def end(self) -> None:
        """The worker is gone."""
        for name in self._files:
            self._remove(name)
        self._files = {}  # the keeper may be at its last beat

    def beat(self, *, redis_away: bool) -> None:
        """The keeper has had its look at the board, and says whether it found Redis away."""
        now = time.monotonic()
        if redis_away:
            self._excused = now
        if self._files and now - self._beat_at >= BEAT_SECONDS:
            self._beat_at = now
            if not self._hangs(now):
                self._touch("alive")

    def _hangs(self, now: float) -> bool:
        turned = self._turned
        silent = 0.0 if turned is None or self._stopping else now - max(turned, self._excused)
        if silent < DOUBT_SECONDS:
            self._hung_said = False
            return False
        if not self._redis_answers():
            self._excused = now
            return False
        if silent < HUNG_SECONDS:
            return False
        if not self._hung_said:
            logger.error("worker.hung seconds=%.0f", silent)
            self._hung_said = True
        return True

    @staticmethod
    def _redis_answers() -> bool:
        try:
            with during_work:
                ledger().ping()
        except LedgerUnavailable:
            return False
        return True

    def _turn(self) -> None:
        if self._timer is not None:
            self._turned = time.monotonic()

    def _clear(self, directory: Path) -> None:
        """Make the directory, or remove what a worker that was killed left there."""
        try:
            directory.mkdir(parents=True, exist_ok=True)
            for file in self._files.values():
                file.unlink(missing_ok=True)
            self._files["alive"].touch()
        except OSError as error:
            raise SystemExit(f"taskbell: JOBS_HEALTH_DIR: {error}") from None

    def _touch(self, name: str) -> None:
        try:
            if file := self._files.get(name):
                file.touch()
        except OSError as error:
            self._complain(error)

    def _remove(self, name: str) -> None:
        try:
            if file := self._files.get(name):
                file.unlink(missing_ok=True)
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        if not self._fault_said:
            logger.error("health.not_written reason=%s", error)
            self._fault_said = True
