"""What a submit can wait for: Redis's file, or a replica; and what it is told when that does not come."""

import threading
import time
from collections.abc import Iterator

import pytest

from jobs.conf import Settings
from jobs.errors import LedgerUnavailable, NotDurable
from jobs.ledger import Ledger
from tests import redises
from tests.integration.a_job import a_job
from tests.redises import Server
from tests.workers import eventually, seconds


@pytest.fixture
def valkey() -> Iterator[Server]:
    with redises.valkey() as server:
        yield server


@pytest.fixture
def impatient(valkey: Server) -> Iterator[Ledger]:
    ledger = Ledger(Settings(REDIS_URL=valkey.url, WAIT_TIMEOUT=seconds(0.5)))
    yield ledger
    close(ledger)


def close(ledger: Ledger) -> None:
    ledger._redis.connection_pool.disconnect()
    ledger._durably._redis.connection_pool.disconnect()


@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_a_submit_that_waits_for_the_file_returns_when_it_is_on_disk(valkey, policy):
    valkey.raw.config_set("appendonly", "yes")
    valkey.raw.config_set("appendfsync", policy)
    ledger = Ledger(Settings(REDIS_URL=valkey.url))
    assert ledger.submit(a_job("waited", wait="fsync")).new
    fsynced = valkey.raw.info("persistence")
    assert fsynced["aof_enabled"] == 1
    valkey.kill()
    valkey._command += ["--appendonly", "yes"]
    valkey.start()
    assert ledger.counts("celery").waiting == 1
    close(ledger)


def test_a_file_that_is_never_synced_is_told_and_the_job_stays_accepted(valkey, impatient):
    valkey.raw.config_set("appendonly", "yes")
    eventually(lambda: valkey.raw.info("persistence")["aof_rewrite_in_progress"] == 0)
    valkey.raw.config_set("appendfsync", "no")
    at = time.monotonic()
    with pytest.raises(NotDurable) as told:
        impatient.submit(a_job("unsynced", wait="fsync"))
    assert time.monotonic() - at < 1.5
    assert told.value.task_id == "unsynced"
    assert "not on disk within 500 ms" in told.value.detail
    assert impatient.record("unsynced") is not None


def test_no_file_at_all_is_told(impatient):
    with pytest.raises(NotDurable, match="appendonly is disabled"):
        impatient.submit(a_job("fileless", wait="fsync"))
    assert impatient.record("fileless") is not None


def test_a_redis_that_cannot_wait_for_its_file_says_so():
    with redises.redis7() as server:
        ledger = Ledger(Settings(REDIS_URL=server.url))
        with pytest.raises(NotDurable, match="unknown command"):
            ledger.submit(a_job("old", wait="fsync"))
        assert ledger.record("old") is not None
        close(ledger)


def test_a_submit_that_waits_for_a_replica_returns_when_one_has_it(valkey, impatient):
    with redises.valkey() as replica:
        replica.raw.replicaof("127.0.0.1", str(valkey.port))
        eventually(lambda: replica.raw.info("replication").get("master_link_status") == "up")
        assert impatient.submit(a_job("copied", wait="replica")).new
        assert replica.raw.exists("tb:job:copied")
    with pytest.raises(NotDurable, match="no replica had it"):
        impatient.submit(a_job("alone", wait="replica"))
    assert impatient.record("alone") is not None


def test_a_submit_again_with_its_idempotency_key_waits_again(valkey, impatient):
    first = a_job("first", wait="fsync", idempotency_key="k")
    with pytest.raises(NotDurable):
        impatient.submit(first)
    valkey.raw.config_set("appendonly", "yes")
    valkey.raw.config_set("appendfsync", "always")
    eventually(lambda: valkey.raw.info("persistence")["aof_rewrite_in_progress"] == 0)
    again = impatient.submit(a_job("second", wait="fsync", idempotency_key="k"))
    assert (again.id, again.new) == ("first", False)


def test_a_redis_that_falls_silent_while_a_submit_waits_leaves_the_job_accepted(valkey):
    """The caller has the id; it is told no later than without a wait, but for the wait."""
    ledger = Ledger(Settings(REDIS_URL=valkey.url, WAIT_TIMEOUT=seconds(1.5)))
    freezes = threading.Timer(0.5, valkey.pause)
    freezes.start()
    at = time.monotonic()
    with pytest.raises(NotDurable, match="Redis stopped answering") as told:
        ledger.submit(a_job("half", wait="replica"))
    assert time.monotonic() - at < 3.5
    freezes.join()
    at = time.monotonic()
    with pytest.raises(LedgerUnavailable):
        ledger.submit(a_job("none", wait="replica"))
    assert time.monotonic() - at < 2.5
    valkey.resume()
    assert told.value.task_id == "half"
    assert ledger.record("half") is not None
    close(ledger)
