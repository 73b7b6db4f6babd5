"""The retry policy: which failures are tried again, and after what wait."""

from datetime import UTC, datetime, timedelta, timezone
from email.message import Message
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.retry import LONGEST_RETRY_AFTER, RetryPolicy, next_wait, retry_after

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
durations = st.timedeltas(timedelta(0), timedelta(days=2))
chances = st.floats(0, 1, exclude_max=True)


@st.composite
def policies(draw: st.DrawFn) -> RetryPolicy:
    """Any that can be declared."""
    delay = draw(durations)
    policy = RetryPolicy(
        max_attempts=draw(st.integers(1, 10_000)), retry_delay=delay,
        retry_backoff=draw(st.floats(1, 1e300)), retry_max_delay=delay + draw(durations),
        retry_jitter=draw(st.floats(0, 1)),
    )  # fmt: skip
    assert policy.faults() == []
    return policy


class Busy(Exception):
    """An error that says when to come back."""

    def __init__(self, **said: Any) -> None:
        super().__init__()
        self.__dict__.update(said)


def wait(policy: RetryPolicy, error: Exception | None = None, retries: int = 0, **more: Any) -> Any:
    given: dict[str, Any] = {"random": lambda: 0.0, "now": NOW} | more
    return next_wait(policy, error or OSError(), retries=retries, **given)


# How long


@given(policies(), st.integers(0, 10_000), chances)
def test_a_wait_is_never_above_its_cap_and_chance_takes_no_more_than_its_part(policy, retries, chance):
    longest = wait(policy, retries=retries)
    found = wait(policy, retries=retries, random=lambda: chance)
    if longest is None:
        assert found is None
        return
    assert timedelta(0) <= found <= longest <= policy.retry_max_delay
    least = longest * (1 - policy.retry_jitter)
    assert found >= least - timedelta(microseconds=1)


@given(policies(), chances)
def test_waits_grow_up_to_the_cap_and_stay_there(policy, chance):
    retries = range(min(policy.max_attempts - 1, 60))
    waits = [wait(policy, retries=each, random=lambda: chance) for each in retries]
    assert waits == sorted(waits)


def test_a_wait_doubles_until_the_cap():
    policy = RetryPolicy(max_attempts=99, retry_max_delay=timedelta(seconds=10))
    waits = [wait(policy, retries=each).total_seconds() for each in range(6)]
    assert waits == [1, 2, 4, 8, 10, 10]


def test_a_factor_of_one_keeps_the_wait():
    policy = RetryPolicy(max_attempts=9, retry_backoff=1)
    assert {wait(policy, retries=each) for each in range(8)} == {timedelta(seconds=1)}


@given(policies(), st.integers(0, 20_000))
def test_there_are_as_many_attempts_as_the_policy_allows(policy, retries):
    assert (wait(policy, retries=retries) is None) == (retries + 1 >= policy.max_attempts)


@pytest.mark.parametrize(("said", "allowed"), [(1, False), (3, False), (4, True)])
def test_a_submits_own_number_of_attempts_replaces_the_tasks(said, allowed):
    policy = RetryPolicy(max_attempts=3)
    assert (wait(policy, retries=2, max_attempts=said) is not None) == allowed


# Which errors


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConnectionError(), True),
        (PermissionError(), False),
        (FileNotFoundError(), False),
        (KeyError(), False),
    ],
)
def test_an_error_is_tried_again_when_it_is_among_those_named_and_not_among_those_refused(error, again):
    policy = RetryPolicy(
        max_attempts=2, retry_on=(OSError,), never_retry_on=(PermissionError, FileNotFoundError, KeyError)
    )
    assert (wait(policy, error) is not None) == again


def test_a_refused_error_wins_over_the_same_one_named():
    assert wait(RetryPolicy(max_attempts=2, retry_on=(OSError,), never_retry_on=(OSError,))) is None


# Retry-After

IN_A_MINUTE = NOW + timedelta(minutes=1)
HEADER = {"retry-after": "60"}
MESSAGE = Message()
MESSAGE["Retry-After"] = "60"


@pytest.mark.parametrize(
    "error",
    [
        Busy(retry_after=60),
        Busy(retry_after=60.0),
        Busy(retry_after="60"),
        Busy(retry_after=timedelta(minutes=1)),
        Busy(retry_after=IN_A_MINUTE),
        Busy(retry_after=IN_A_MINUTE.astimezone(timezone(timedelta(hours=-5)))),
        Busy(retry_after=format_datetime(IN_A_MINUTE, usegmt=True)),
        Busy(retry_after="Sun, 22 Nov 2026 12:01:00 -0000"),
        Busy(retry_after="Sunday, 22-Nov-26 12:01:00 GMT"),
        Busy(headers=HEADER),
        Busy(response=SimpleNamespace(headers=HEADER)),
        Busy(headers={"x": "y"}, response=SimpleNamespace(headers={"Retry-After": "60"})),
        Busy(retry_after=None, response=SimpleNamespace(headers=HEADER)),
        Busy(response=SimpleNamespace(headers={"Retry-After": format_datetime(IN_A_MINUTE, usegmt=True)})),
        HTTPError("http://there/", 503, "busy", MESSAGE, None),
    ],
)
def test_an_error_says_how_long_to_wait_in_any_of_the_known_forms(error):
    assert retry_after(error, NOW) == timedelta(minutes=1)


def test_a_date_is_counted_from_the_date_of_its_own_answer_whatever_this_clock_says():
    headers = {"Retry-After": "Sun, 22 Nov 2026 12:01:00 GMT", "date": "Sun, 22 Nov 2026 12:00:00 GMT"}
    error = Busy(response=SimpleNamespace(headers=headers))
    for ahead in (timedelta(0), timedelta(hours=1), timedelta(hours=-1)):
        assert retry_after(error, NOW + ahead) == timedelta(minutes=1)


class Trap(Exception):
    @property
    def retry_after(self) -> float:
        raise RuntimeError


@pytest.mark.parametrize(
    "error",
    [
        OSError(),
        Trap(),
        *(
            Busy(retry_after=said)
            for said in ("soon", "", -1, 0, float("nan"), object(), [60], datetime(2030, 1, 1), NOW)  # noqa: DTZ001
        ),
        Busy(response=None),
        Busy(response="429"),
        Busy(response=SimpleNamespace(headers=None)),
        Busy(response=SimpleNamespace(headers={"Retry-After": "soon"})),
        Busy(headers=[("Retry-After", "60")]),
    ],
)
def test_what_cannot_be_understood_asks_for_nothing(error):
    assert retry_after(error, NOW) is None
    assert wait(RetryPolicy(max_attempts=2), error) == timedelta(seconds=1)


@given(policies(), st.integers(0, 100), chances, st.floats(allow_nan=False))
def test_a_retry_after_is_honoured_up_to_a_day_and_costs_an_attempt(policy, retries, chance, seconds):
    found = wait(policy, Busy(retry_after=seconds), retries, random=lambda: chance)
    if retries + 1 >= policy.max_attempts:
        assert found is None
        return
    asked = timedelta(seconds=min(max(seconds, 0), LONGEST_RETRY_AFTER.total_seconds()))
    assert asked <= found <= max(policy.retry_max_delay, LONGEST_RETRY_AFTER)
    assert found >= wait(policy, None, retries, random=lambda: chance)


def test_jobs_that_were_told_the_same_do_not_come_back_together():
    policy, error = RetryPolicy(max_attempts=2), Busy(retry_after=100)
    waits = [wait(policy, error, random=random) for random in (lambda: 0.0, lambda: 0.5)]
    assert waits == [timedelta(seconds=100), timedelta(seconds=105)]
