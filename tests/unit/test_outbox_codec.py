"""A submission comes back from the outbox as it went in."""

import json
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

import djangoNinja  # noqa: F401 - sets Django up
from jobs.ledger import Submission, Unique
from jobs.outbox import Waiting, decoded, encoded

zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(timezones=st.just(UTC) | zones)
# Every field by its type, so that one that is new is tried too; instants are aware.
by_type: dict[str, Any] = {
    name: st.none() | instants if kind == datetime | None else st.from_type(kind)
    for name, kind in get_type_hints(Submission).items()
}
names = st.text().filter(lambda name: "\n" not in name)
submissions = st.builds(Submission, **by_type | {"task": names, "queue": names})


@given(submissions)
def test_every_field_of_a_submission_comes_back(job):
    assert decoded(encoded(job)) == job


@given(submissions)
def test_a_row_is_plain_ascii_whatever_the_job_says(job):
    assert encoded(job).isascii()


def test_what_is_as_by_default_is_not_written_so_that_an_older_release_can_read_it():
    job = Submission(id="1", task="t", queue="q", arguments="{}")
    needed = {each.name for each in fields(Submission) if each.default is MISSING}
    assert json.loads(encoded(job)).keys() == needed


@pytest.mark.parametrize(
    "more", [{"new": 1}, {"unique": {"kind": "x", "new": 1}}, {"wait": "moon"}, {"delay": "soon"}]
)
def test_what_a_newer_release_says_is_refused_and_not_dropped(more):
    job = Submission(id="1", task="t", queue="q", arguments="{}", unique=Unique(kind="x"))
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's, or ours
        decoded(json.dumps(json.loads(encoded(job)) | more))


def test_durations_are_exact():
    job = Submission(id="1", task="t", queue="q", arguments="{}", delay=timedelta(days=999, microseconds=1))
    assert decoded(encoded(job)).delay == job.delay


@pytest.mark.parametrize(("more", "left"), [
    ({}, timedelta(seconds=10)),
    ({"delay": timedelta(seconds=30)}, timedelta(seconds=40)),
    ({"delay": timedelta(hours=1)}, timedelta(minutes=1)),
    ({"due": datetime.now(UTC) + timedelta(hours=1)}, timedelta(minutes=1)),
    ({"objective": timedelta(seconds=20)}, timedelta(microseconds=1)),
])  # fmt: skip
def test_a_late_job_s_objective_counts_from_when_it_could_have_started(more, left):
    job = Submission(
        id="a", task="t", queue="q", arguments="{}", **{"objective": timedelta(minutes=1)} | more
    )
    row = Waiting(pk=1, job_id="a", text=encoded(job), since_commit=timedelta(seconds=50))
    assert row.submission().objective == left
