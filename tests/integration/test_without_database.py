"""`DATABASE_URL=none`: all works but what needs a database, and that says so."""

import json
import logging
import re
import subprocess
import sys

import pytest

import djangoNinja
from jobs import outbox, relay
from jobs.errors import NoDatabase
from jobs.sweeper import Sweeper
from tests.client import HELLO, PROCESS, Client
from tests.probes.probes import echo
from tests.servers import APP, environment, running_api, running_valkey
from tests.workers import POOLS, Platform, eventually, running_worker

NONE = "none"
TROUBLE = re.compile(r"ERROR|CRITICAL|Traceback|WARNING")


@pytest.fixture
def database_url():
    return lambda _alias: NONE


@pytest.fixture(scope="module", params=POOLS)
def worker(request, valkey_url):
    with running_worker(
        valkey_url, request.param, JOBS_STORED_RESULT_BYTES="1000000", DATABASE_URL=NONE
    ) as running:
        yield running


@pytest.fixture(scope="module")
def api(valkey_url):
    with running_api(valkey_url, DATABASE_URL=NONE) as url:
        yield url


def manage(*arguments):
    env = environment("redis://127.0.0.1:1/0", DATABASE_URL=NONE)
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=APP, env=env,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


# Large results


def test_a_large_result_is_told_by_reference_and_streamed_from_redis(platform, worker, api):
    job_id = platform.submit("large", '{"size": 700000}')
    told = platform.value(job_id)
    assert (told["stored"], told["size_bytes"]) == (True, 700_002)
    assert Client(api).get(told["url"]).json() == "x" * 700_000
    (key,) = platform.ledger._redis.keys(f"tb:stored:{job_id}:*")
    assert 86_000_000 < platform.ledger._redis.pttl(key) <= 90_000_000
    Client(api).send("DELETE", f"/api/jobs/{job_id}/")
    assert platform.ledger._redis.exists(key) == 0


def test_a_result_above_the_limit_fails_its_job_and_says_what_to_set(platform, worker):
    job_id = platform.submit("large", '{"size": 1000000}')
    told = platform.result(job_id)
    assert (told["status"], told["result"]["exc_type"]) == ("FAILURE", "ResultTooLarge")
    (message,) = told["result"]["exc_message"]
    assert message.startswith("1000002 bytes")
    assert "JOBS_STORED_RESULT_BYTES" in message
    assert "DATABASE_URL" in message
    assert platform.ledger._redis.keys(f"tb:stored:{job_id}:*") == []


def test_where_redis_has_no_room_the_job_of_a_large_result_fails_and_the_next_one_runs(worker, platform):
    redis = platform.ledger._redis
    first = platform.submit("large", '{"size": 900000}')
    small = platform.submit("echo", '{"value": 1}')
    assert platform.value(first)["stored"]
    assert platform.value(small) == 1
    redis.config_set("maxmemory", redis.info("memory")["used_memory"] + 600_000)
    redis.config_set("maxmemory-policy", "noeviction")
    try:
        told = platform.result(platform.submit("large", '{"size": 990000}'))
    finally:
        redis.config_set("maxmemory", 0)
    assert (told["status"], told["result"]["exc_type"]) == ("FAILURE", "LedgerFull")
    assert "no room for this result" in told["result"]["exc_message"][0]
    assert platform.value(platform.submit("echo", '{"value": 2}')) == 2


def test_an_outage_of_redis_while_a_result_is_stored_costs_no_job(tmp_path):
    with running_valkey() as valkey, running_worker(valkey.url, concurrency=1, DATABASE_URL=NONE) as worker:
        platform, go = Platform(valkey.url), tmp_path / "go"
        job_id = platform.submit("large_when_told", json.dumps({"size": 5_000_000, "wait_for": str(go)}))
        eventually(lambda: platform.state(job_id) == "STARTED")
        valkey.pause()
        go.touch()
        eventually((tmp_path / "go.done").exists)
        with pytest.raises(AssertionError, match="waited"):
            eventually(lambda: "result.not_stored" in worker.log, 3)
        valkey.resume()
        assert platform.value(job_id)["size_bytes"] == 5_000_002
        platform.close()


def test_an_attempt_that_lost_its_job_leaves_no_result_behind(tmp_path, valkey_url, platform):
    redis, go = platform.ledger._redis, tmp_path / "go"
    with running_worker(valkey_url, concurrency=2, queues="lost", DATABASE_URL=NONE) as worker:
        arguments = json.dumps({"size": 100_000, "wait_for": str(go)})
        job_id = platform.submit("large_when_told", arguments, queue="lost")
        eventually(lambda: platform.state(job_id) == "STARTED")
        holders = [holder.decode() for holder in redis.zrange("tb:leases", 0, -1)]
        holding = [each for each in holders if redis.hget(f"tb:holder:{each}", "job") == job_id.encode()]
        assert platform.ledger.release("the test", holding) == 1
        eventually(lambda: platform.attempt(job_id) == 2 and platform.state(job_id) == "STARTED")
        go.touch()
        assert platform.value(job_id)["stored"]
        eventually(lambda: "job.refused" in worker.log or "holder.renamed" in worker.log)
        kept = f"tb:stored:{job_id}:{platform.ledger.record(job_id).number('stored')}"
        eventually(lambda: redis.keys(f"tb:stored:{job_id}:*") == [kept.encode()])


# Nothing complains


def test_api_and_worker_say_nothing_of_a_database(valkey_url):
    with (
        running_valkey() as valkey,
        running_api(valkey.url, WEB_CONCURRENCY="1", DATABASE_URL=NONE) as api,
        running_worker(valkey.url, DATABASE_URL=NONE) as worker,
    ):
        client, platform = Client(api), Platform(valkey.url)
        job_id = client.post(PROCESS, HELLO).json()["task_id"]
        assert platform.value(job_id) == {"processed_data": "HELLO"}
        assert client.get("/readyz").status == 200
        # Rubbish that a database left, which is none now.
        platform.ledger._redis.sadd("tb:rubbish", "of a database\n7")
        eventually(lambda: platform.ledger.rubbish(1) == [])
        assert [line for line in worker.lines if TROUBLE.search(line)] == []
        platform.close()


@pytest.mark.usefixtures("at_home")
def test_there_is_no_relay_and_nothing_to_sweep(caplog):
    caplog.set_level(logging.INFO)
    assert outbox.databases() == []
    relay.start()
    Sweeper().sweep()
    assert caplog.text == ""


@pytest.mark.usefixtures("at_home")
@pytest.mark.parametrize("submit", [echo.submit_on_commit, djangoNinja.app.tasks["echo"].delay_on_commit])
def test_a_job_that_is_to_follow_a_transaction_is_refused_at_the_call(submit, platform):
    before = platform.counts().accepted
    with pytest.raises(NoDatabase, match="set DATABASE_URL"):
        submit("never")
    assert platform.counts().accepted == before


@pytest.mark.parametrize("arguments", [(), ("--check",), ("--plan",), ("--database", "default")])
def test_migrate_says_in_one_line_that_there_is_nothing_to_migrate(arguments):
    ended = manage("migrate", *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "Database 'default' is none: there is nothing to migrate.\n"


def test_the_system_checks_pass():
    assert manage("check").returncode == 0
