"""What the tests of objectives submit."""

from datetime import timedelta

from jobs import task


@task(objective=timedelta(hours=1), objective_ratio=0.9)
def within_an_hour(*, fails: bool = False) -> None:
    """Have time."""
    if fails:
        raise ValueError("as it was told")


@task(objective=timedelta(microseconds=1))
def at_once() -> None:
    """Be late, whatever happens."""
