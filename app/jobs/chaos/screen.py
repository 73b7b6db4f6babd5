"""What a run shows while it goes on: one line that the next overwrites, or a line now and then."""

import shutil
import sys
import time

EVERY_SECONDS = 10.0
"""How often a line is written where no terminal reads."""
BAR = 24


class Screen:
    """Writes to standard output."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._last = float("-inf")

    def line(self, text: str = "") -> None:
        """A line that stays."""
        self._write(f"\r\x1b[K{text}\n" if self._terminal else f"{text}\n")

    def progress(self, share: float, text: str) -> None:
        """How far the run is: a share of 1, and what it is at."""
        if self._terminal:
            full = round(BAR * min(share, 1))
            shown = f"[{'#' * full}{'.' * (BAR - full)}] {text}"
            self._write(f"\r\x1b[K{shown[: shutil.get_terminal_size().columns - 1]}")
        elif time.monotonic() - self._last >= EVERY_SECONDS:
            self._last = time.monotonic()
            self._write(f"{share:4.0%}  {text}\n")

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
