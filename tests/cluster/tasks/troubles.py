"""Tasks that go wrong as the tests of the alerts want it."""

import os
import signal
from datetime import timedelta

from jobs import task


@task(objective=timedelta(minutes=1), objective_ratio=0.9)
def owed(*, fails: bool) -> None:
    """Owe somebody success, within a minute."""
    if fails:
        raise ValueError("as it was told")


@task
def dies() -> None:
    """End its process, as a segmentation fault would."""
    os.kill(os.getpid(), signal.SIGKILL)
