"""Tasks with limits, keys, expiry, retention and uniqueness; each leaves a line when it begins and ends."""

import time
from datetime import timedelta
from pathlib import Path

from jobs import Job, task


def work(file: str, name: str, seconds: float) -> str:
    """Take some seconds, and leave when that began and when it ended."""
    began = time.monotonic()  # one clock for all processes of a machine
    time.sleep(seconds)
    with Path(file).open("a") as lines:
        lines.write(f"{name} {began} {time.monotonic()}\n")
    return name


@task
def unlimited(file: str, name: str, seconds: float = 0) -> str:
    return work(file, name, seconds)


@task(key="tenant")
def for_a_tenant(file: str, tenant: str, seconds: float = 0) -> str:
    return work(file, tenant, seconds)


@task(max_running=2)
def two_at_once(file: str, name: str, seconds: float) -> str:
    return work(file, name, seconds)


@task(key="tenant", max_running_per_key=1)
def one_a_tenant(file: str, tenant: str, seconds: float) -> str:
    return work(file, tenant, seconds)


@task(rate="10/s")
def ten_a_second(file: str, name: str = "x") -> str:
    return work(file, name, 0)


@task(rate="80/m")
def eighty_a_minute(file: str, name: str = "x") -> str:
    return work(file, name, 0)


@task(key="tenant", rate_per_key="5/s")
def five_a_second_a_tenant(file: str, tenant: str) -> str:
    return work(file, tenant, 0)


@task(expires=timedelta(seconds=1))
def soon_stale(file: str, name: str = "x") -> str:
    return work(file, name, 0)


@task(result_ttl=timedelta(seconds=1), failure_ttl=timedelta(seconds=1))
def soon_forgotten(fails: bool = False) -> str:  # noqa: FBT001, FBT002 - a JSON field
    if fails:
        raise ValueError("as asked")
    return "done"


@task(result_ttl=timedelta(days=30))
def long_kept(size: int) -> str:
    return "x" * size


@task(unique=True)
def only_one_runs(file: str, wait_for: str = "") -> str:
    return _until(file, wait_for)


@task(unique=("order",), unique_conflict="refuse")
def only_one_an_order(order: int, file: str, wait_for: str = "") -> str:
    return _until(file, wait_for)


@task(unique=True, unique_while="waiting")
def only_one_waits(file: str, wait_for: str = "") -> str:
    return _until(file, wait_for)


@task(unique=True)
def only_one_region(customer: str = "", region: str = "") -> None: ...


@task(key="tenant")
def of_a_tenant(number: int, tenant: str = "eu") -> None: ...


def _until(file: str, wait_for: str) -> str:
    Path(file).touch()
    until = time.monotonic() + 60
    while wait_for and not Path(wait_for).exists() and time.monotonic() < until:
        time.sleep(0.01)
    return "done"


@task
def attempt_of(job: Job) -> int:
    return job.attempt


@task
def submits_for_later(file: str) -> tuple[str, str]:
    """Submit a job that is to start in two seconds, and one that is to have started by then; their ids."""
    later, two = only_one_runs.with_options(delay=timedelta(seconds=2)), timedelta(seconds=2)
    stale = soon_stale.with_options(queue="nobody", expires=two)
    return later.delay(f"{file}-later").id, stale.delay(file).id
