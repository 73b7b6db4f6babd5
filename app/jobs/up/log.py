"""The one log of a run: every service's lines, each with its name in front."""

import os
import sys

_COLOURS = {"redis": 32, "migrate": 34, "flower": 35, "worker": 33, "api": 36}
_WIDTH = max(map(len, _COLOURS))


class Log:
    """Writes to standard output; goes on in silence when nobody reads there any more."""

    def __init__(self) -> None:
        self._coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def line(self, name: str, text: str) -> None:
        """A line of a service, or of the runner itself (`up`)."""
        prefix = f"{name:<{_WIDTH}} |"
        if self._coloured:
            # The runner's own lines are bold.
            prefix = f"\x1b[{_COLOURS.get(name, 1)}m{prefix}\x1b[0m"
        self.block(f"{prefix} {text}")

    def block(self, text: str) -> None:
        """Text as it is."""
        try:
            print(text, flush=True)  # noqa: T201 - the log of a foreground command is its output
        except OSError:
            # The terminal or the pipe's reader is gone; what runs must still be ended in order.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
