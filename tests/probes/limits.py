"""Tasks with limits, keys and uniqueness, for the tests of what a submit and a queue may say."""

from jobs import task


@task(unique=True)
def only_one(account: int) -> int:
    """A second submit gets the first job."""
    return account


@task(unique=("account",), unique_conflict="refuse")
def only_one_refused(account: int, note: str = "") -> int:
    """A second submit with this account is refused."""
    return account


@task(max_running=1)
def one_at_a_time() -> None:
    """At most one of its jobs runs."""


@task(key="customer", max_running_per_key=1)
def by_customer(customer: str) -> str:
    """At most one job of a customer runs."""
    return customer


@task(max_attempts=3, key=("customer", "order.number"), rate="10/s", retry_on=(OSError,))
def told_of(customer: str, order: dict[str, int]) -> None:
    """With options that the catalogue shows."""
