"""Results that are stored in Redis: in pieces, each key with an end, gone with their job."""

import os
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from jobs.conf import Settings
from jobs.errors import LedgerFull, ResultNotStored
from jobs.ledger import Retention, State
from jobs.ledger.stored import PIECE_BYTES, UNRECORDED
from tests.integration.a_job import DONE, a_job

BODY = os.urandom(3 * PIECE_BYTES + 7)
STORED = replace(DONE, stored=True, in_ledger=True)


@pytest.fixture
def claimed(ledger, new_holder):
    """A job that runs, and its holder."""
    ledger.submit(a_job("a:1", retention=Retention(success=timedelta(hours=2), failure=timedelta(hours=3))))
    holder = new_holder("holder")
    return holder, holder.claim("celery")


def kept(server):
    return server.raw.keys("tb:stored:*")


def read(ledger, token=1, task_id="a:1"):
    found = ledger.stored.find(task_id, token)
    return found and b"".join(found.pieces())


@pytest.mark.parametrize("size", [1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, len(BODY)])
def test_a_result_is_read_as_it_was_stored(ledger, size):
    ledger.stored.keep("a:1", 1, BODY[:size])
    found = ledger.stored.find("a:1", 1)
    assert found.size_bytes == size
    assert [len(piece) <= PIECE_BYTES for piece in found.pieces()] == [True] * -(-size // PIECE_BYTES)
    assert b"".join(found.pieces()) == BODY[:size]


def test_a_second_result_of_an_attempt_replaces_the_first(ledger):
    for body in (BODY, b"short"):
        ledger.stored.keep("a:1", 1, body)
    assert read(ledger) == b"short"
    assert (read(ledger, token=2), read(ledger, task_id="a")) == (None, None)


def test_a_result_ends_by_itself_until_it_is_recorded_and_then_with_its_job(server, ledger, claimed):
    holder, job = claimed
    ledger.stored.keep(job.id, int(job.token), BODY)
    (key,) = kept(server)
    assert 0 < server.raw.pttl(key) <= UNRECORDED.total_seconds() * 1000
    assert holder.finish(job, STORED).recorded
    assert ledger.record(job.id).number("stored") == int(job.token)
    assert server.raw.pttl(key) == pytest.approx(server.raw.pttl("tb:job:a:1"), abs=100)
    assert read(ledger, int(job.token)) == BODY


@pytest.mark.parametrize("end", ["retention", "discard"])
def test_a_result_is_deleted_with_its_job_and_is_no_rubbish(server, ledger, claimed, end):
    holder, job = claimed
    ledger.stored.keep(job.id, int(job.token), BODY)
    holder.finish(job, STORED)
    found = ledger.stored.find(job.id, int(job.token))
    if end == "discard":
        assert ledger.discard([job.id]) == ["discarded"]
    else:
        server.raw.zadd("tb:success:celery", {job.id: 1})
    assert ledger.tick(force=True).rubbish == 0
    assert kept(server) == []
    with pytest.raises(ResultNotStored):
        list(found.pieces())


def test_what_an_attempt_could_not_finish_is_dropped(server, ledger):
    ledger.stored.keep("a:1", 1, BODY)
    ledger.stored.drop("a:1", 1)
    assert kept(server) == []


def test_a_redis_without_room_takes_none_of_it_and_says_so(server, ledger, claimed):
    holder, job = claimed
    used = server.raw.info("memory")["used_memory"]
    server.raw.config_set("maxmemory", used + 2 * PIECE_BYTES)
    try:
        with pytest.raises(LedgerFull, match=f"no room for this result of {10 * len(BODY)} bytes"):
            ledger.stored.keep(job.id, int(job.token), BODY * 10)
        assert kept(server) == []
        assert holder.finish(job, DONE).recorded
    finally:
        server.raw.config_set("maxmemory", 0)


def test_storing_waits_for_a_redis_that_is_away(server, ledger):
    server.pause()
    storing = threading.Thread(target=ledger.stored.keep, args=("a:1", 1, BODY))
    try:
        storing.start()
        storing.join(1)
        assert storing.is_alive()
    finally:
        server.resume()
    storing.join(20)
    assert read(ledger) == BODY


def test_pieces_that_redis_lost_are_written_once_more(server, ledger):
    """Between two pieces comes a Redis that lacks the first."""
    sent = []

    class Loses(bytes):
        def __getitem__(self, part):
            sent.append(part.start)
            if len(sent) == 3:
                server.raw.delete(*kept(server))
            return bytes(self)[part]

    ledger.stored.keep("a:1", 1, Loses(BODY))
    assert read(ledger) == BODY
    assert [start // PIECE_BYTES for start in sent] == [0, 1, 2, 0, 1, 2, 3]


def test_a_job_whose_stored_result_redis_lost_is_handed_back(server, ledger, claimed):
    holder, job = claimed
    ledger.stored.keep(job.id, int(job.token), BODY)
    server.raw.delete(*kept(server))
    assert holder.finish(job, STORED).recorded
    assert ledger.status(job.id)[0] is State.PENDING
    assert "without its result" in ledger.attempts(job.id)[0]["cause"]
    again = holder.claim("celery")
    assert again.attempt == job.attempt
    assert ledger.counts("celery").gap == 0


def test_the_keys_begin_with_the_ledger_s_prefix(server):
    from jobs.ledger import Ledger

    own = Ledger(Settings(REDIS_URL=server.url, PREFIX="mine:"))
    own.stored.keep("a", 1, b"x")
    assert server.raw.keys("*") == ["mine:stored:a:1"]
    own._redis.connection_pool.disconnect()
