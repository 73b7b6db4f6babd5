"""What a job's history keeps of a failed attempt."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.failure import LEFT_OUT, NOTE_MESSAGE_LIMIT, NOTE_TRACEBACK_LIMIT, failure_note
from tests.celery_probes.outcomes import ERRORS, Unshowable

LARGEST = 16 * 1024


def raised(error):
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 - it is this one
        return caught


def read(error):
    note = failure_note(error)
    assert len(note.encode()) < LARGEST
    told = json.loads(note)
    assert len(told["message"]) <= NOTE_MESSAGE_LIMIT
    assert len(told["traceback"].encode()) <= NOTE_TRACEBACK_LIMIT
    return told


def test_a_note_tells_class_message_and_traceback():
    told = read(raised(ValueError("no such thing")))
    assert (told["error"], told["message"]) == ("ValueError", "no such thing")
    assert told["traceback"].startswith("Traceback (most recent call last):\n")
    assert told["traceback"].endswith("ValueError: no such thing\n")


def test_of_a_long_traceback_the_middle_is_left_out():
    told = read(raised(ValueError("x" * 5_000_000)))
    assert told["message"] == "x" * (NOTE_MESSAGE_LIMIT - 1) + "…"
    first, last = told["traceback"].split(LEFT_OUT)
    assert first.startswith("Traceback (most recent call last):\n")
    assert len(first) == len(last) > 2000
    assert last.endswith("xxx\n")


@given(st.text(st.characters(), max_size=20), st.integers(1, 2000))
def test_whatever_the_message_a_note_is_small_and_is_json(text, times):
    error = raised(ValueError(text * times))
    error.add_note(text * times)
    read(error)


@pytest.mark.parametrize("what", ERRORS)
def test_every_error_has_a_note(what):
    assert read(raised(ERRORS[what]()))["error"]


def test_an_error_that_cannot_be_shown_has_one_too():
    assert read(raised(Unshowable("hidden")))["error"] == "Unshowable"
    assert read(ValueError("never raised"))["traceback"] == "ValueError: never raised\n"


def test_an_error_says_what_caused_it():
    error = ValueError("second")
    error.__cause__ = raised(KeyError("first"))
    assert "KeyError: 'first'" in read(raised(error))["traceback"]
