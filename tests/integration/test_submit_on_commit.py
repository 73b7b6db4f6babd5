"""Submitting when the database's transaction commits: real transactions, a real ledger."""

import logging
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections, transaction

from jobs import LedgerUnavailable
from jobs.errors import ArgumentsInvalid
from tests.probes.probes import add, echo
from tests.servers import running_valkey

pytestmark = pytest.mark.usefixtures("at_home")


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
    assert known(handle)
    assert notes() == [handle.id]


def test_a_rollback_submits_nothing(known):
    with rolled_back():
        handle = echo.submit_on_commit("undone")
        note(handle.id)
    assert not known(handle)
    assert notes() == []


def test_a_savepoint_that_was_rolled_back_takes_its_jobs_with_it(known):
    with transaction.atomic():
        before = echo.submit_on_commit("before")
        with rolled_back():
            inside = echo.submit_on_commit("inside")
            with transaction.atomic():
                deeper = echo.submit_on_commit("deeper")
        with transaction.atomic():
            after = echo.submit_on_commit("after")
    assert [known(each) for each in (before, inside, deeper, after)] == [True, False, False, True]


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
    assert known(later)


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
    import djangoNinja

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


# Redis away


@pytest.fixture(scope="module")
def valkey():
    """One that may be killed."""
    with running_valkey() as server:
        yield server


def test_while_redis_is_away_the_commit_stands_and_says_which_job_is_missing(valkey, known, caplog):
    def commit(made):
        with transaction.atomic():
            made.append(add.submit_on_commit(1, 2))
            note(made[0].id)

    valkey.kill()
    handles: list[Any] = []
    with caplog.at_level(logging.ERROR, "jobs.worker"), pytest.raises(LedgerUnavailable):
        commit(handles)
    (handle,) = handles
    assert notes() == [handle.id]
    assert f"commit.not_submitted task=add job={handle.id}" in caplog.text
    valkey.start()
    assert not known(handle)
    assert not transaction.get_connection().in_atomic_block


def test_a_job_that_a_commit_missed_can_be_submitted_again_under_its_id_any_number_of_times(platform):
    with transaction.atomic():
        handle = add.submit_on_commit(1, 2)
    for _ in range(2):
        assert add.apply_async((1, 2), task_id=handle.id).id == handle.id
    assert platform.counts().accepted == platform.counts().waiting
