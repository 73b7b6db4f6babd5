"""What a submit may say of its job, and how mypy and Python hold it to the task."""

from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

import pytest

from jobs import Handle, TaskCall, task
from jobs.job import Job
from jobs.task import declared

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def shout():
    @task
    def shout(text: str, times: int = 1) -> str:
        return text.upper() * times

    yield shout
    del declared["shout"]


def for_celery(call: TaskCall[Any, Any]) -> dict[str, Any]:
    return call._for_celery()


def test_options_reach_celery_by_its_own_names(shout):
    said = shout.with_options(
        delay=timedelta(seconds=1.5), expires=timedelta(minutes=1), priority=9, key="customer 7",
        max_attempts=2, idempotency_key="order 1", queue="slow", wait="fsync", using="other",
        time_limit=timedelta(minutes=2), soft_time_limit=timedelta(minutes=1),
    )  # fmt: skip
    assert for_celery(said) == {
        "countdown": 1.5, "expires": 60.0, "priority": 9, "key": "customer 7", "max_attempts": 2,
        "idempotency_key": "order 1", "queue": "slow", "wait": "fsync", "time_limit": 120.0,
        "soft_time_limit": 60.0,
    }  # fmt: skip
    assert for_celery(shout.with_options(run_at=NOON, expires=NOON)) == {"eta": NOON, "expires": NOON}


def test_none_says_nothing(shout):
    assert for_celery(shout.with_options(delay=None, run_at=NOON, priority=None)) == {"eta": NOON}


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"delay": timedelta(1), "run_at": NOON}, "delay and run_at are two answers to one question"),
        ({"delay": timedelta(-1)}, "delay must not be negative"),
        ({"expires": timedelta(0)}, "expires must be positive"),
        ({"run_at": NOON.replace(tzinfo=None)}, "run_at and expires must be aware"),
        ({"expires": NOON.replace(tzinfo=None)}, "run_at and expires must be aware"),
        ({"time_limit": timedelta(0)}, "a time limit must be positive"),
        (
            {"time_limit": timedelta(1), "soft_time_limit": timedelta(1)},
            "soft_time_limit must be less than time_limit",
        ),
        ({"priority": 10}, "priority must be from 0 to 9"),
        ({"max_attempts": 0}, "max_attempts must be 1 or more"),
        ({"key": ""}, "a text must not be empty"),
        ({"queue": "tb:job:1"}, "a queue's name has 1 to 200 characters, .*"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_before_any_job(shout, options, fault):
    with pytest.raises(ValueError, match=f"^shout: {fault}$"):
        shout.with_options(**options)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"prio": 9}, "there is no option 'prio'"),
        ({"delay": 60}, "delay must be a timedelta, not 60"),
        ({"expires": 60}, "expires must be a timedelta or datetime, not 60"),
        ({"key": 7}, "key must be a str, not 7"),
    ],
)
def test_an_option_that_is_unknown_or_of_another_type_is_refused(shout, options, fault):
    with pytest.raises(TypeError, match=fault):
        shout.with_options(**options)


def never_called_but_checked_by_mypy() -> None:
    @task
    def typed(job: Job, text: str, times: int = 1) -> float:
        return float(text) * times

    call = typed.with_options(priority=9, delay=timedelta(seconds=1))
    assert_type(typed.delay("x"), Handle[float])
    assert_type(typed.submit_on_commit("x", times=2), Handle[float])
    assert_type(call.delay("x"), Handle[float])
    assert_type(call.submit_on_commit(text="x"), Handle[float])
    assert_type(call.delay("x").get(), float)
    # An ignore that ignores nothing is an error, so mypy must object to each of these.
    call.delay(1)  # type: ignore[arg-type]
    call.delay("x", count=2)  # type: ignore[call-arg]
    call.submit_on_commit()  # type: ignore[call-arg]
    typed.submit_on_commit("x", "y")  # type: ignore[arg-type]
    typed.with_options(prio=9)  # type: ignore[call-arg]
    typed.with_options(delay=60)  # type: ignore[arg-type]
