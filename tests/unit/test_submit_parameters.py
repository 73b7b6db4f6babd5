"""What a submit may ask over HTTP, and how it is told what does not fit."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from jobs.asked import asked
from jobs.errors import ParametersInvalid
from jobs.submit import Asked


def test_a_submit_that_says_nothing_asks_nothing():
    assert asked({}, None) == Asked()


def test_every_parameter_reaches_the_submit():
    said = asked(
        {"delay": ["1.5"], "expires": ["60"], "priority": ["9"], "key": ["a b"], "max_attempts": ["3"],
         "time_limit": ["20"], "soft_time_limit": ["1.5"], "queue": ["späte post"], "wait": ["fsync"]},
        "order 7",
    )  # fmt: skip
    assert said == Asked(
        delay=timedelta(seconds=1.5), expires=timedelta(minutes=1), priority=9, key="a b", queue="späte post",
        options='{"max_attempts":3,"time_limit":20.0,"soft_time_limit":1.5}', idempotency_key="order 7",
        wait="fsync",
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["2026-11-22T17:00:00Z", "20261122T190000+0200", "2026-11-22T17:00:00.000+00:00"]
)
def test_an_instant_is_iso_8601_with_an_offset(text):
    assert asked({"run_at": [text]}, None).run_at == datetime(2026, 11, 22, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("delay", "-1"), ("delay", "nan"), ("delay", "inf"), ("delay", "1e999"), ("delay", "soon"),
        ("delay", ""), ("wait", "long"), ("delay", "1e9"), ("expires", "0"), ("expires", "-3"),
        ("expires", "NaN"),
        ("priority", "10"),
        ("priority", "-1"), ("priority", "1.5"), ("priority", ""), ("key", ""), ("max_attempts", "0"),
        ("time_limit", "0"), ("soft_time_limit", "-1"), ("time_limit", "inf"),
        ("queue", ""), ("queue", "a\nb"), ("queue", "x" * 201), ("queue", "tb:x"),
        ("queue", "celery-task-meta-x"), ("queue", "_kombu.binding.celery"),
        ("run_at", "2026-11-22T17:00:00"), ("run_at", "1700000000"),
        ("run_at", "2026-11-22T17:00:00 01:00"), ("run_at", "tomorrow"), ("run_at", "9999-12-31T23:59:59Z"),
        ("run_at", ""), ("wiat", "1"), ("Delay", "1"), ("", ""),
    ],
)  # fmt: skip
def test_a_parameter_that_does_not_fit_is_named(name, value):
    with pytest.raises(ParametersInvalid) as refused:
        asked({name: [value]}, None)
    assert [error["loc"] for error in refused.value.errors] == [[name] if name else []]
    assert refused.value.detail


def test_every_parameter_at_fault_is_named_at_once():
    given = {"delay": ["-1"], "priority": ["x"], "prio": ["1"], "key": ["a", "b"]}
    with pytest.raises(ParametersInvalid) as refused:
        asked(given, None)
    assert {error["loc"][0] for error in refused.value.errors} == {"delay", "priority", "prio", "key"}


def test_a_soft_limit_that_would_never_strike_is_refused():
    with pytest.raises(ParametersInvalid, match="soft_time_limit must be less than time_limit"):
        asked({"time_limit": ["5"], "soft_time_limit": ["5"]}, None)


def test_two_starts_are_refused():
    with pytest.raises(ParametersInvalid, match="two answers to one question"):
        asked({"delay": ["1"], "run_at": ["2026-11-22T17:00:00Z"]}, None)


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "schlüssel", "\x7f"])
def test_an_idempotency_key_is_1_to_255_printable_characters(key):
    with pytest.raises(ParametersInvalid) as refused:
        asked({}, key)
    assert refused.value.errors[0]["loc"] == ["Idempotency-Key"]


def test_a_large_number_of_attempts_is_a_number():
    assert json.loads(asked({"max_attempts": ["1000000"]}, None).options) == {"max_attempts": 1_000_000}
