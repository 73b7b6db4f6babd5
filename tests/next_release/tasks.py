"""What the next release brings."""

from jobs import task


@task
def newcomer(value: int) -> int:
    return value + 1
