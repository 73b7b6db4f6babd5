"""API and worker on PostgreSQL, there and away: what needs it waits or fails, and nothing else notices."""

from contextlib import contextmanager
from functools import partial

import psycopg
import pytest

from tests.client import HELLO, PROCESS, Client
from tests.servers import running_api
from tests.workers import eventually, running_worker


@pytest.fixture(scope="module")
def url(postgres):
    return postgres.url(postgres.new_database())


@pytest.fixture(scope="module")
def api(valkey_url, url):
    with running_api(valkey_url, DATABASE_URL=url) as address:
        yield Client(address)


@pytest.fixture(scope="module")
def worker(valkey_url, api, url):
    """After the API, which migrates."""
    with running_worker(valkey_url, DATABASE_URL=url) as running:
        yield running


@contextmanager
def away(postgres):
    """The database is stopped meanwhile."""
    postgres.stop()
    try:
        yield
    finally:
        postgres.start()


def rows(url, job_id):
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT size_bytes FROM jobs_storedresult WHERE task_id = %s", [job_id]
        ).fetchall()


def test_a_large_result_is_kept_streamed_and_deleted_with_its_job(platform, worker, api, url):
    job_id = platform.submit("large", '{"size": 3000000}')
    told = platform.value(job_id)
    assert (told["stored"], told["size_bytes"]) == (True, 3_000_002)
    assert rows(url, job_id) == [(3_000_002,)]
    assert api.get(told["url"]).json() == "x" * 3_000_000
    assert api.send("DELETE", f"/api/jobs/{job_id}/").status == 204
    eventually(lambda: rows(url, job_id) == [], what="the sweeper")


def test_a_row_goes_with_the_retention_of_its_job(platform, worker, url):
    job_id = platform.submit("large", '{"size": 100000}')
    assert platform.value(job_id)["stored"]
    platform.ledger._redis.zadd("tb:success:celery", {job_id: 1})
    eventually(lambda: rows(url, job_id) == [], what="the tick, and the sweeper")


def test_without_its_database_small_jobs_go_on_and_a_large_one_fails_with_the_database_s_error(
    platform, worker, api, url, postgres
):
    reference = platform.value(platform.submit("large", '{"size": 100000}'))
    gone = platform.submit("large", '{"size": 100000}')
    assert platform.value(gone)["stored"]
    from_here = len(worker.lines)
    with away(postgres):
        api.send("DELETE", f"/api/jobs/{gone}/")  # leaves a row that cannot be deleted now
        for _ in range(20):
            job_id = api.post(PROCESS, HELLO).json()["task_id"]
            assert platform.value(job_id) == {"processed_data": "HELLO"}
        assert api.get("/readyz").status == 200
        told = platform.result(platform.submit("large", '{"size": 100000}'))
        assert (told["status"], told["result"]["exc_type"]) == ("FAILURE", "OperationalError")
        api.get(reference["url"]).problem(500, "internal-error")
        eventually(lambda: any("outbox.waits" in line for line in worker.lines[from_here:]))
        for _ in range(2):
            last = platform.ledger._redis.hget("tb:tick", "at")
            eventually(partial(ticked_since, platform, last), 3, "the tick")
        said = "".join(worker.lines[from_here:])
    assert "tick.failed" not in said
    assert "keeper.no_ledger" not in said
    assert said.count("outbox.waits") == 1
    assert said.count("sweep.failed") <= 1  # the API's sweeper may be the one that is called

    assert api.get(reference["url"]).json() == "x" * 100_000
    assert platform.value(platform.submit("large", '{"size": 100000}'))["stored"]
    eventually(lambda: rows(url, gone) == [], what="the sweeper")


def ticked_since(platform, last):
    return platform.ledger._redis.hget("tb:tick", "at") != last


def test_a_restart_of_the_database_between_two_large_results_costs_neither(platform, worker, postgres):
    for _ in range(2):
        assert platform.value(platform.submit("large", '{"size": 100000}'))["stored"]
        with away(postgres):
            pass
