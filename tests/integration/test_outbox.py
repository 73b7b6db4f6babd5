"""Jobs of committed transactions whose own process could not submit them: rows, and what becomes of them."""

import logging
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection, connections, transaction
from django.db.models.functions import Now

import djangoNinja  # noqa: F401 - sets Django up
from jobs import ledger as ledgers
from jobs import outbox, relay
from jobs.conf import settings
from jobs.errors import NotMigrated
from jobs.ledger import Submission
from jobs.models import PendingSubmit
from jobs.relay import Relay
from jobs.worker import commit
from tests.integration.conftest import EVERY_DATABASE
from tests.probes.probes import add, echo
from tests.servers import APP, environment, running_api
from tests.workers import ROOT, eventually, running_worker

pytestmark = [pytest.mark.usefixtures("at_home"), EVERY_DATABASE]
DIES = Path(__file__).with_name("commits_and_dies.py")


@pytest.fixture(autouse=True)
def each_commit_asks_redis(monkeypatch):
    monkeypatch.setattr(commit, "_silent_at", float("-inf"))


@pytest.fixture
def database(database_url):
    """The database of this process, as another is told of it."""
    return database_url("default")


@pytest.fixture
def queue(request):
    """A queue of the test's own."""
    return request.node.name[-60:]


@pytest.fixture
def any_age(monkeypatch):
    """Rows of any age are seen."""
    monkeypatch.setattr(outbox, "_RIPE", Now() + timedelta(seconds=1))


@pytest.fixture
def new_relay(any_age):
    """Makes relays that are run by hand."""
    made = []

    def make():
        made.append(Relay())
        return made[-1]

    yield make
    for each in made:
        each._ledger._redis.connection_pool.disconnect()


@pytest.fixture
def full_queue(monkeypatch, at_home):
    """The name of a queue that takes no job."""
    monkeypatch.setitem(django_settings.JOBS, "QUEUES", {"no room": {"max_length": 0}})
    settings.cache_clear()
    ledgers.ledger.cache_clear()
    return "no room"


def rows():
    return list(PendingSubmit.objects.order_by("pk").values_list("job_id", flat=True))


def leave(job_id, queue, *, committed=None, **more):
    """A committed row, as a process leaves it that could not submit."""
    more = {"task": "echo", "arguments": '{"value":1}', "queue": queue} | more
    with transaction.atomic():
        outbox.keep("default", Submission(id=job_id, **more))
    if committed is not None:
        PendingSubmit.objects.filter(job_id=job_id).update(committed_at=Now() - committed)


# At the commit


def test_a_commit_while_redis_is_away_raises_nothing_and_an_api_without_any_worker_submits_its_jobs_later(
    valkey, platform, database, queue, caplog
):
    call = echo.with_options(queue=queue)
    with running_api(valkey.url, DATABASE_URL=database, WEB_CONCURRENCY="2"):
        valkey.pause()
        try:
            began = time.monotonic()
            with transaction.atomic():
                ids = [call.submit_on_commit(number).id for number in range(5)]
            # One of them waited for Redis, not each.
            assert time.monotonic() - began < 4
            assert rows() == ids
            assert caplog.text.count("commit.not_submitted task=echo job=") == 5
        finally:
            valkey.resume()
        eventually(lambda: not rows(), 20, "the API to submit what waits")
        assert all(platform.ledger.record(job_id) for job_id in ids)
        assert platform.counts(queue).accepted == 5


def test_a_process_that_is_killed_between_its_commit_and_its_submit_takes_no_job_with_it(
    valkey_url, platform, database
):
    env = environment(valkey_url, DATABASE_URL=database) | {
        "PYTHONPATH": f"{APP}:{ROOT}", "JOBS_TASK_PACKAGES": "tasks,tests.probes",
    }  # fmt: skip
    with running_worker(valkey_url, DATABASE_URL=database) as worker:
        died = subprocess.run([sys.executable, str(DIES), "of the dead"], env=env, cwd=APP, check=False)
        assert died.returncode == -signal.SIGKILL
        eventually(lambda: platform.ledger.record("of the dead"), 20, "a relay")
        assert platform.value("of the dead") == "survived"
        eventually(lambda: not rows())
        eventually(lambda: "outbox.relayed task=echo job=of the dead" in worker.log)


def test_what_a_submit_at_the_commit_is_refused_for_good_is_said_and_forgotten(platform, queue, caplog):
    once = add.with_options(idempotency_key=f"once {queue}", queue=queue)
    once.delay(1, 2)
    with transaction.atomic():
        refused = once.submit_on_commit(3, 4)
    assert f"outbox.answered task=add job={refused.id}" in caplog.text
    assert rows() == []
    assert platform.counts(queue).accepted == 1


def test_a_row_that_cannot_be_deleted_fails_no_commit(platform, queue, caplog):
    with transaction.atomic():
        transaction.on_commit(lambda: connection.cursor().execute("DROP TABLE jobs_pendingsubmit"))
        handle = add.with_options(queue=queue).submit_on_commit(1, 2)
    assert f"commit.row_stays task=add job={handle.id}" in caplog.text
    assert platform.counts(queue).accepted == 1


def test_a_job_for_which_there_is_no_room_at_the_commit_waits(full_queue, caplog):
    with transaction.atomic():
        handle = add.with_options(queue=full_queue).submit_on_commit(1, 2)
    assert f"commit.not_submitted task=add job={handle.id}" in caplog.text
    assert rows() == [handle.id]


# Relays


def test_two_relays_at_once_make_each_job_once(platform, new_relay, queue):
    number = 3 * relay.PIECE + 1
    for each in range(number):
        leave(f"{queue} {each}", queue)
    at_once = threading.Barrier(2)

    def work(one):
        at_once.wait()
        assert one._relay("default") == ""

    threads = [threading.Thread(target=work, args=[new_relay()]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rows() == []
    assert platform.counts(queue).accepted == platform.counts(queue).waiting == number


def test_a_row_is_left_to_its_own_process_for_some_seconds(platform, queue):
    leave("young", queue)
    assert outbox.waiting("default", 0, 10) == []
    PendingSubmit.objects.update(created_at=Now() - outbox.GRACE - timedelta(seconds=1))
    assert [row.job_id for row in outbox.waiting("default", 0, 10)] == ["young"]


def test_a_late_job_s_delay_and_expiry_count_from_its_commit(platform, new_relay, queue):
    hour, ago = timedelta(hours=1), timedelta(minutes=30)
    leave("delayed", queue, committed=ago, delay=hour, expires_in=2 * hour)
    leave("overdue", queue, committed=ago, delay=timedelta(minutes=1))
    leave("too late", queue, committed=ago, expires_in=timedelta(minutes=1))
    assert new_relay()._relay("default") == ""
    delayed, overdue, late = (platform.ledger.record(each) for each in ("delayed", "overdue", "too late"))

    def left(field):
        return timedelta(microseconds=delayed.number(field) - delayed.number("created"))

    assert left("due").total_seconds() == pytest.approx(ago.total_seconds(), abs=60)
    assert left("expires").total_seconds() == pytest.approx((2 * hour - ago).total_seconds(), abs=60)
    assert overdue.number("due") == 0
    eventually(lambda: platform.ledger.tick(force=True) and platform.state("too late") == "REVOKED")
    assert late.number("expires") > 0


def test_where_nobody_noted_the_commit_it_counts_from_when_a_relay_first_saw_the_row(queue, any_age):
    leave("unknown", queue, delay=timedelta(hours=1))
    (first,) = outbox.waiting("default", 0, 10)
    assert first.since_commit == timedelta(0)
    assert first.submission().delay == timedelta(hours=1)
    PendingSubmit.objects.update(committed_at=Now() - timedelta(minutes=10))
    (again,) = outbox.waiting("default", 0, 10)
    assert again.submission().delay < timedelta(minutes=51)


def test_what_cannot_be_submitted_now_holds_up_no_other_row(platform, new_relay, queue, caplog, full_queue):
    leave("full 1", full_queue)
    leave("unreadable", queue)
    PendingSubmit.objects.filter(job_id="unreadable").update(submission='{"id":"unreadable","news":1}')
    leave("fine", queue)
    one = new_relay()
    for _ in range(2):
        one._look("default")
    assert rows() == ["full 1", "unreadable"]
    assert platform.ledger.record("fine")
    assert caplog.text.count("outbox.waits database=default") == 1
    assert caplog.text.count("outbox.unreadable job=unreadable") == 1


# Databases


def test_without_its_table_a_submit_says_what_to_run_and_the_relay_says_it_once(new_relay, caplog):
    connection.cursor().execute("DROP TABLE jobs_pendingsubmit")
    with pytest.raises(NotMigrated, match="manage\\.py migrate --database default"), transaction.atomic():
        add.submit_on_commit(1, 2)
    one = new_relay()
    for _ in range(3):
        one._look("default")
    assert caplog.text.count("outbox.waits") == 1
    assert "run `manage.py migrate --database default`" in caplog.text
    assert one._not_before["default"] > time.monotonic() + relay.WITHOUT_TABLE_SECONDS - 5


def test_a_second_database_may_do_without_the_table(new_relay, caplog):
    connections["other"].cursor().execute("DROP TABLE jobs_pendingsubmit")
    with pytest.raises(NotMigrated, match="--database other"), transaction.atomic("other"):
        add.with_options(using="other").submit_on_commit(1, 2)
    new_relay()._look("other")
    assert "outbox.waits" not in caplog.text


@contextmanager
def away(database, request):
    """The database is away meanwhile."""
    connection.close()
    if database.startswith("postgres"):
        server = request.getfixturevalue("postgres")
        server.stop()
        yield
        server.start()
    else:
        file = Path(database.removeprefix("sqlite:///"))
        elsewhere = file.rename(file.with_suffix(".away"))
        file.mkdir()
        yield
        file.rmdir()
        elsewhere.rename(file)


def test_a_database_that_comes_back_is_relayed_again(new_relay, platform, queue, database, request, caplog):
    caplog.set_level(logging.INFO)
    leave("waits for its database", queue)
    one = new_relay()
    with away(database, request):
        for _ in range(2):
            one._look("default")
    assert caplog.text.count("outbox.waits database=default reason=the database fails") == 1
    one._look("default")
    assert "outbox.resumed database=default" in caplog.text
    assert platform.ledger.record("waits for its database")
