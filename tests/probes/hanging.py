"""A worker whose main process hangs, for as long as remote control says."""

import time
from typing import Any

from celery.worker.control import control_command


@control_command(args=[("seconds", float)], signature="SECONDS")
def hang(state: Any, seconds: float) -> None:
    """Hold up the main process's own loop; its threads and its pool go on."""
    time.sleep(seconds)
