"""Submitting when the database's transaction commits: real transactions, a real ledger."""

from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from django.db import connections, transaction

import djangoNinja
from jobs.errors import ArgumentsInvalid
from jobs.models import PendingSubmit
from tests.integration.conftest import EVERY_DATABASE
from tests.probes.probes import add, echo

pytestmark = [pytest.mark.usefixtures("at_home"), EVERY_DATABASE]


class Undo(Exception):
    """Rolls a transaction back."""


@contextmanager
def rolled_back():
    with suppress(Undo), transaction.atomic():
        yield
        raise Undo


def note(text, using="default"):
    connections[using].cursor().execute("INSERT INTO notes VALUES (%s)", [text])


def notes(using="default"):
    return [text for (text,) in connections[using].cursor().execute("SELECT text FROM notes").fetchall()]


def rows(using="default"):
    return list(PendingSubmit.objects.using(using).order_by("pk").values_list("job_id", flat=True))


@pytest.fixture
def known(platform):
    """Whether the ledger has a job."""
    return lambda handle: platform.ledger.record(handle.id) is not None


# Commit and rollback


def test_a_commit_submits_the_job_under_the_id_that_was_given_before(known):
    with transaction.atomic():
        handle = echo.submit_on_commit("done")
        note(handle.id)
        assert not known(handle)
        assert rows() == [handle.id]
    assert known(handle)
    assert notes() == [handle.id]
    assert rows() == []


def test_a_rollback_submits_nothing(known):
    with rolled_back():
        handle = echo.submit_on_commit("undone")
        note(handle.id)
    assert not known(handle)
    assert notes() == rows() == []


def test_a_savepoint_that_was_rolled_back_takes_its_jobs_with_it(known):
    with transaction.atomic():
        before = echo.submit_on_commit("before")
        with rolled_back():
            inside = echo.submit_on_commit("inside")
            with transaction.atomic():
                deeper = echo.submit_on_commit("deeper")
        with transaction.atomic():
            after = echo.submit_on_commit("after")
        assert rows() == [before.id, after.id]
    assert [known(each) for each in (before, inside, deeper, after)] == [True, False, False, True]
    assert rows() == []


def test_outside_a_transaction_the_job_is_submitted_at_once(known):
    assert known(echo.submit_on_commit("now"))


def test_the_transaction_may_be_another_database_s(known):
    call = echo.with_options(using="other")
    with transaction.atomic():
        at_once = call.submit_on_commit(1)
        assert known(at_once)
    with transaction.atomic(using="other"):
        later = call.submit_on_commit(2)
        assert not known(later)
        assert (rows(), rows("other")) == ([], [later.id])
    assert known(later)
    assert rows("other") == []


# What is submitted


def test_the_arguments_are_those_of_the_call(platform):
    names = ["one"]
    with transaction.atomic():
        handle = echo.submit_on_commit(names)
        names.append("two")
    assert platform.ledger.record(handle.id).fields["args"] == '{"value":["one"]}'


def test_arguments_that_do_not_fit_are_refused_at_the_call(known):
    with transaction.atomic():
        with pytest.raises(ArgumentsInvalid, match="y: Input should be a valid integer"):
            add.submit_on_commit(1, "two")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="missing a required argument"):
            add.submit_on_commit(1)  # type: ignore[call-arg]
        note("the transaction goes on")
    assert notes() == ["the transaction goes on"]


def test_options_hold_for_a_job_that_is_submitted_on_commit(platform):
    with transaction.atomic():
        handle = add.with_options(priority=9, key="customer 7", queue="slow").submit_on_commit(1, 2)
    fields = platform.ledger.record(handle.id).fields
    assert (fields["prio"], fields["key"], fields["queue"]) == ("9", "customer 7", "slow")


def test_a_delay_counts_from_the_commit(platform):
    with transaction.atomic():
        handle = add.with_options(delay=timedelta(minutes=1)).submit_on_commit(1, 2)
    record = platform.ledger.record(handle.id)
    assert record.number("due") - record.number("created") >= 60_000_000


# Celery's spelling


def test_celery_s_own_on_commit_goes_on_working_and_gives_the_id(known):

    plain_add = djangoNinja.app.tasks["plain_add"]
    with transaction.atomic():
        handles = [
            plain_add.delay_on_commit(1, y=2),
            plain_add.apply_async_on_commit((1, 2), priority=3),
            add.celery.apply_async(kwargs={"x": 1, "y": 2}, on_commit="default", task_id="my own"),
        ]
        assert not any(map(known, handles))
        with pytest.raises(TypeError, match="missing 1 required positional argument"):
            plain_add.delay_on_commit(1)
        with pytest.raises(ValueError, match="Invalid isoformat"):
            plain_add.apply_async_on_commit((1, 2), eta="never")
    assert all(map(known, handles))
    assert handles[2].id == "my own"


def test_an_id_that_is_submitted_twice_in_one_transaction_makes_one_job(platform, known):
    with transaction.atomic():
        for _ in range(2):
            add.celery.apply_async((1, 2), on_commit="default", task_id="twice")
        assert rows() == ["twice"]
    assert known(add.celery.AsyncResult("twice"))
    assert platform.counts().gap == 0
    assert rows() == []
