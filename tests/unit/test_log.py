"""The form of the log, line by line."""

import json
import logging
import sys

import pytest

from jobs import log, origin


def record(text, *values, name="jobs.worker", error=None, **extra):
    made = logging.LogRecord(name, logging.INFO, __file__, 1, text, values, error)
    made.__dict__.update(extra)
    return made


def as_json(*given, **more):
    return json.loads(log.JsonFormatter().format(record(*given, **more)))


def as_text(*given, **more):
    return log.TextFormatter(logging.Formatter("%(message)s")).format(record(*given, **more))


@pytest.fixture
def at_a_job(monkeypatch):
    monkeypatch.setattr(log, "about", [lambda: {"task": "process", "job": "j1", "attempt": 2}])


def test_an_event_s_values_are_fields_and_numbers_are_numbers():
    line = as_json("job.%s task=%s job=%s attempt=%d seconds=%.3f", "success", "process", "j1", 3, 0.12345)
    assert (line["event"], line["task"], line["job"]) == ("job.success", "process", "j1")
    assert (line["attempt"], line["seconds"], line["level"]) == (3, 0.123, "info")
    assert "message" not in line


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (True, True),
        (None, None),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (ValueError("a b=c"), "a b=c"),
        ("x\ny", "x\ny"),
    ],
)
def test_a_value_is_told_as_what_it_is(value, told):
    assert as_json("tick.failed reason=%s", value)["reason"] == told


def test_a_value_that_stands_in_the_text_is_a_field_too():
    assert as_json("attempt.ended task=%s job=%s cause=cancelled", "t", "j")["cause"] == "cancelled"


@pytest.mark.parametrize("name", ["celery.worker", "tasks.process", "someone", "jobsite.views"])
def test_a_line_of_somebody_else_s_is_a_message_even_where_it_looks_like_an_event(name):
    line = as_json("job.success task=%s", "x", name=name)
    assert line["message"] == "job.success task=x"
    assert "event" not in line


def test_a_line_of_the_platform_s_that_is_no_event_is_a_message():
    assert as_json("more words than one", name="jobs.up")["message"] == "more words than one"


def test_a_message_of_any_text_is_one_line():
    text = 'a\nb\u2028c\ud800 \x00 "quoted"'
    told = log.JsonFormatter().format(record("%s", text, name="x"))
    assert "\n" not in told
    assert told.isascii()
    assert json.loads(told)["message"] == text


def test_an_exception_is_two_fields():
    try:
        raise KeyError("gone")
    except KeyError:
        line = as_json("drain.failed queue=%s", "celery", error=sys.exc_info())
    assert line["error"] == "KeyError: 'gone'"
    assert line["traceback"].startswith("Traceback")


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no")


def test_what_cannot_be_put_together_is_an_object_too():
    line = as_json("n=%d", "x", name="a.library")
    assert line["message"] == "n=%d"
    assert line["not_formatted"].startswith("TypeError")
    assert as_json("tick.failed reason=%s", Unspeakable())["not_formatted"].startswith("RuntimeError")
    assert as_json("tick.failed reason=%s")["message"] == "tick.failed reason=%s"
    try:
        raise Unspeakable
    except Unspeakable:
        line = as_json("drain.failed queue=%s", "celery", error=sys.exc_info())
    assert "Unspeakable" in line["error"]
    assert as_json("x", name="tasks.t", job={(1, 2): 3}, attempt=float("nan"))["job"] == "{(1, 2): 3}"


def test_a_line_that_cannot_be_put_together_does_not_raise_into_who_writes_it(at_a_job, capsys):
    handler = logging.StreamHandler()
    handler.setFormatter(log.TextFormatter())
    handler.handle(record("n=%d", "x", name="a.library"))
    assert "Logging error" in capsys.readouterr().err


def test_an_event_s_values_do_not_hide_what_every_line_says():
    line = as_json("user.seen time=%s level=%s", 1, 2)
    assert line["level"] == "info"
    assert line["time"].endswith("Z")


def test_a_stack_and_a_traceback_that_was_made_before_are_told():
    line = as_json("hello", name="x", exc_text="Traceback: …", stack_info="Stack: …")
    assert (line["traceback"], line["stack"]) == ("Traceback: …", "Stack: …")


def test_every_line_of_a_thread_at_a_job_tells_which(at_a_job):
    line = as_json("hello", name="library")
    assert (line["message"], line["task"], line["job"], line["attempt"]) == ("hello", "process", "j1", 2)
    assert as_text("hello", name="library") == "hello task=process job=j1 attempt=2"


def test_what_a_line_says_itself_is_not_said_again_and_wins(at_a_job):
    line = as_json("job.refused task=%s job=%s", "other", "j0")
    assert (line["task"], line["job"], line["attempt"]) == ("other", "j0", 2)
    assert as_json("hello", name="tasks.process", job="j9", attempt=7)["job"] == "j9"
    assert as_json("hello", name="a.library", job="import-42")["job"] == "j1"
    assert as_text("job.refused task=%s job=%s", "other", "j0") == "job.refused task=other job=j0 attempt=2"


def test_a_request_s_name_is_on_its_lines():
    before = origin.request_id.set("r-1")
    try:
        assert as_json("hello", name="x")["request_id"] == "r-1"
        assert as_text("hello") == "hello request_id=r-1"
    finally:
        origin.request_id.reset(before)
    assert "request_id" not in as_json("hello", name="x")


@pytest.mark.parametrize("given", ["abc-1", "A/b:c=.+_", "x" * 128])
def test_a_request_s_own_name_is_kept(given):
    assert origin.named(given) == given


@pytest.mark.parametrize("given", [None, "", "x" * 129, "a b", "a\nb", 'a"b', "ü"])
def test_a_name_that_cannot_stand_in_a_log_is_replaced(given):
    assert origin.named(given) != given
    assert len(origin.named(given)) == 32


def test_a_job_keeps_what_its_options_say_beside_the_request_that_it_comes_from():
    assert origin.with_origin('{"a":1}') == '{"a":1}'
    before = origin.request_id.set("r-1")
    try:
        assert json.loads(origin.with_origin('{"a":1}')) == {"a": 1, "request_id": "r-1"}
        assert json.loads(origin.with_origin("")) == {"request_id": "r-1"}
    finally:
        origin.request_id.reset(before)
