"""The tasks of the tests on a cluster; they are laid over the image as a user's own would be."""

import time

from jobs import task


@task
def nap(seconds: float, note: str = "") -> float:
    """Sleep, and say for how long."""
    time.sleep(seconds)
    return seconds


@task(queue="large")
def large(size: int) -> str:
    """A text of that many letters."""
    return "x" * size
