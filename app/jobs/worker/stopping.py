"""How the worker stops: nothing new starts, and what runs goes on until a deadline, if there is one.

Set by the handlers of signals in the main process, and read by its keeper, which hands back what still
runs when the deadline has passed.
"""

import math
import time
from datetime import timedelta

from jobs.worker.board import Board
from jobs.worker.health import Health

AT_ONCE = timedelta(0)


class Stop:
    """The stop of one worker. Told to stop again, it only comes sooner."""

    def __init__(self, board: Board, health: Health, *, bound: timedelta | None, soft: timedelta) -> None:
        self._board = board
        self._health = health
        self._bound = bound
        """How long what runs may go on after a SIGTERM or a Ctrl-C; None for as long as it takes."""
        self._soft = soft
        """The same after a SIGQUIT, which asks for a cold shutdown: Celery's soft shutdown."""
        self._deadline = math.inf
        self._termed = self._cancels = False

    @property
    def over(self) -> bool:
        """Whether what still runs is to be handed back now."""
        return time.monotonic() >= self._deadline

    @property
    def seconds_left(self) -> float | None:
        """Until what runs is handed back; None for as long as it takes."""
        return None if self._deadline == math.inf else max(0.0, self._deadline - time.monotonic())

    def begin(self) -> None:
        """Something else than a signal stops the worker: remote control, a restart, an error."""
        if not self._board.stopping:
            self._within(self._bound)

    def warm(self, signal_name: str) -> None:
        """A signal asks for a warm shutdown. Who sends SIGTERM twice does not want to wait."""
        self._within(AT_ONCE if self._termed and signal_name == "SIGTERM" else self._bound)
        self._termed = self._termed or signal_name == "SIGTERM"

    def cold(self) -> None:
        """A signal asks for a cold shutdown; Celery would wait here for its soft one."""
        self._cancels = True
        self._within(self._soft)

    def cancel(self) -> None:
        """Celery cancels what runs: as the end of `cold`, which has said when, or since it was told again."""
        if not self._cancels:
            self._within(AT_ONCE)
        self._cancels = False

    def _within(self, bound: timedelta | None) -> None:
        if bound is not None:
            self._deadline = min(self._deadline, time.monotonic() + bound.total_seconds())
        self._board.stop()
        self._health.stop()
