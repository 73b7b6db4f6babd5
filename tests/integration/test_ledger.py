"""The ledger's promises that one example shows better than any order of calls."""

from datetime import UTC, datetime, timedelta

import pytest
from kombu.connection import Connection

from jobs.errors import LedgerFull
from jobs.ledger import BELL_TASK, Ending, Ledger, State
from tests.integration.a_job import DONE, a_job
from tests.redises import Server

LEASE_US = 20_000_000
HOUR_US = 3_600_000_000


def now_us(server: Server) -> int:
    seconds, microseconds = server.raw.time()
    return int(seconds) * 1_000_000 + int(microseconds)


def tick_as_if_the_last_was(ledger: Ledger, server: Server, ago_us: int) -> None:
    server.raw.hset("tb:tick", "at", now_us(server) - ago_us)
    ledger.tick(force=True)


@pytest.fixture
def full(server, ledger, new_holder):
    """Fills Redis, when called; it is empty again for the next test."""
    yield lambda: server.raw.config_set("maxmemory", 1)
    server.raw.config_set("maxmemory", 0)


@pytest.mark.parametrize(
    "ago_us", [6_000_000, -HOUR_US], ids=["ticks were missing", "the clock was set back"]
)
def test_no_lease_runs_out_until_one_lease_after_ticks_were_missing(server, ledger, new_holder, ago_us):
    ledger.submit(a_job())
    job = new_holder("holder").claim("celery")
    server.raw.zadd("tb:leases", {"holder": 1})
    tick_as_if_the_last_was(ledger, server, ago_us)
    tick_as_if_the_last_was(ledger, server, 1_000_000)
    assert ledger.record(job.id).state is State.STARTED
    grace = int(server.raw.hget("tb:tick", "grace"))
    assert grace == pytest.approx(now_us(server) + LEASE_US, abs=5_000_000)
    server.raw.hset("tb:tick", "grace", grace - LEASE_US)  # one lease later
    tick_as_if_the_last_was(ledger, server, 1_000_000)
    assert ledger.record(job.id).state is State.PENDING


def test_a_lease_that_a_clock_far_ahead_promised_ends_one_lease_after_it_is_set_back(
    server, ledger, new_holder
):
    ledger.submit(a_job())
    new_holder("holder").claim("celery")
    server.raw.zadd("tb:leases", {"holder": now_us(server) + HOUR_US})
    tick_as_if_the_last_was(ledger, server, -HOUR_US)
    assert server.raw.zscore("tb:leases", "holder") <= now_us(server) + LEASE_US


def test_ticks_that_come_together_run_once(server, ledger):
    assert ledger.tick().ran
    assert not ledger.tick().ran


def test_a_holder_released_for_a_job_that_runs_elsewhere_by_now_takes_nothing_from_there(ledger, new_holder):
    ledger.submit(a_job())
    slow, judge, other = new_holder("slow"), new_holder("judge"), new_holder("other")
    job = slow.claim("celery")
    assert judge.finish(job, Ending(outcome=State.RETRY)).recorded
    again = other.claim("celery")
    assert again.id == job.id
    assert ledger.release("killed", ["slow"]) == 0
    assert other.finish(again, DONE).recorded


@pytest.mark.parametrize("stored", [True, False])
def test_past_its_retention_a_job_is_forgotten_and_its_stored_result_is_rubbish_until_it_is_deleted(
    server, ledger, new_holder, stored
):
    ledger.submit(a_job("done"))
    holder = new_holder("holder")
    job = holder.claim("celery")
    holder.finish(job, Ending(outcome=State.SUCCESS, meta=DONE.meta, stored=stored))
    assert ledger.status("done") == (State.SUCCESS, ledger.status("done")[1])
    server.raw.zadd("tb:success:celery", {"done": 1})
    assert ledger.tick(force=True).rubbish == stored
    assert (ledger.status("done"), ledger.record("done")) == (None, None)
    assert server.raw.exists("celery-task-meta-done", "tb:job:done") == 0
    assert ledger.rubbish(10) == [("done", int(job.token))] * stored
    assert ledger.tick(force=True).rubbish == stored
    ledger.rubbish_gone([("done", int(job.token))])
    assert ledger.tick(force=True).rubbish == 0
    assert ledger.counts("celery").gap == 0


def test_every_method_survives_that_redis_forgets_the_scripts(server, ledger, new_holder):
    ledger.submit(a_job())
    holder = new_holder("holder")
    for call in (
        lambda: ledger.submit(a_job()),
        lambda: holder.claim("celery"),
        lambda: ledger.note("unknown", "1"),
        lambda: ledger.renew("worker", "{}", "known", ["holder"]),
        lambda: ledger.tick(force=True),
        lambda: ledger.counts("celery"),
        lambda: ledger.release("killed", ["nobody"]),
    ):
        server.raw.script_flush()
        call()
    job = holder.claim("celery")
    server.raw.script_flush()
    assert holder.finish(job, DONE, claim_from="celery").next is not None


def test_a_full_redis_takes_no_job_and_ends_those_it_has(server, ledger, new_holder, full):
    first, second, third = a_job(), a_job(), a_job()
    for job in (first, second, third):
        ledger.submit(job)
    holder, lost = new_holder("holder"), new_holder("lost")
    lost.claim("celery")
    full()
    with pytest.raises(LedgerFull):
        ledger.submit(a_job("refused"))
    assert ledger.record("refused") is None
    assert ledger.release("killed", ["lost"]) == 1
    assert ledger.renew("worker", "{}", "known", ["holder"]) == []
    assert ledger.tick(force=True).ran
    job = holder.claim("celery")
    assert ledger.note(job.id, job.token, progress='{"done":1}')
    while job:
        job = holder.finish(job, DONE, claim_from="celery").next
    assert [ledger.status(job.id)[0] for job in (first, second, third)] == [State.SUCCESS] * 3
    assert ledger.counts("celery").gap == 0


def test_a_heap_of_expired_jobs_is_cleared_in_pieces_and_a_bell_calls_for_the_next(
    server, ledger, new_holder
):
    for _ in range(450):
        ledger.submit(a_job(expires=datetime(2001, 1, 1, tzinfo=UTC)))
    ledger.submit(a_job("wanted"))
    holder, claims = new_holder("holder"), 0
    server.raw.delete("celery")
    while (job := holder.claim("celery")) is None:
        claims += 1
        assert server.raw.rpop("celery")
    assert (claims, job.id) == (4, "wanted")
    assert ledger.counts("celery").revoked == 450


def test_a_tick_moves_a_bounded_piece_and_says_that_there_is_more(server, ledger):
    for number in range(150):
        ledger.submit(a_job(queue=f"queue-{number % 3}", delay=timedelta(hours=1)))
    for queue in ("queue-0", "queue-1", "queue-2"):
        scheduled = server.raw.zrange(f"tb:scheduled:{queue}", 0, -1)
        server.raw.zadd(f"tb:scheduled:{queue}", dict.fromkeys(scheduled, 1))
    assert ledger.tick(force=True).more
    assert sum(ledger.counts(queue).waiting for queue in ledger.queues()) == 100
    assert not ledger.tick(force=True).more
    assert sum(ledger.counts(queue).waiting for queue in ledger.queues()) == 150


@pytest.mark.parametrize("queue", ["celery", 'a "quoted"\\ queue/ü'])
def test_a_bell_is_a_message_that_celerys_transport_reads(server, ledger, queue):
    ledger.submit(a_job(queue=queue))
    with Connection(server.url) as connection:
        message = connection.SimpleQueue(queue).get(timeout=5)
    assert message.headers["task"] == BELL_TASK
    assert message.payload[0] == [queue]


def test_a_queue_whose_name_is_a_key_of_another_kind_stops_nobody(server, ledger, new_holder):
    server.raw.set("taken", "by somebody")
    ledger.submit(a_job(queue="taken"))
    ledger.submit(a_job("due", due=datetime.now(UTC) + timedelta(hours=1)))
    server.raw.zadd("tb:scheduled:celery", {"due": 1})
    ledger.tick(force=True)
    assert new_holder("holder").claim("celery").id == "due"
    assert new_holder("other").claim("taken").queue == "taken"


def test_a_record_that_somebody_deleted_shows_as_a_gap_and_stops_nobody(server, ledger, new_holder):
    ledger.submit(a_job("deleted"))
    ledger.submit(a_job("deleted-too", delay=timedelta(hours=1)))
    ledger.submit(a_job("kept"))
    server.raw.delete("tb:job:deleted", "tb:job:deleted-too")
    server.raw.zadd("tb:scheduled:celery", {"deleted-too": 1})
    assert ledger.tick(force=True).ran
    assert new_holder("holder").claim("celery").id == "kept"
    assert ledger.counts("celery").gap == 2


def test_queues_and_keys_with_a_bar_in_their_names_do_not_mix(ledger, new_holder):
    ledger.submit(a_job("first", queue="a", task="b|c"))
    ledger.submit(a_job("second", queue="a|b", task="c"))
    holder, other = new_holder("holder", "b|c", "c"), new_holder("other", "b|c", "c")
    assert holder.claim("a").id == "first"
    assert other.claim("a") is None
    assert new_holder("third", "c").claim("a|b").id == "second"


def test_instants_are_kept_to_the_microsecond(ledger):
    due = datetime(2100, 1, 1, 1, 2, 3, 999_999, tzinfo=UTC)
    for number in range(200):
        ledger.submit(a_job(str(number), due=due + timedelta(microseconds=number)))
        assert ledger.record(str(number)).instant("due") == due + timedelta(microseconds=number)


def test_a_progress_that_a_job_left_is_not_taken_for_the_result_it_ignored(ledger, new_holder):
    ledger.submit(a_job("ignoring"))
    holder = new_holder("holder")
    job = holder.claim("celery")
    ledger.note(
        job.id, job.token, meta='{"status":"PROGRESS","result":{"done":1},"traceback":null,"children":[]'
    )
    holder.finish(job, Ending(outcome=State.SUCCESS))
    assert ledger.status("ignoring") == (State.SUCCESS, None)


def test_of_many_jobs_one_script_changes_a_hundred(server, ledger):
    ids = [f"many-{number}" for number in range(250)]
    for job_id in ids:
        ledger.submit(a_job(job_id))
    for change in (ledger.cancel, ledger.redrive, ledger.discard):
        assert change(["nobody"]) == ["unknown"]  # so that Redis has the script
    before = server.raw.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert ledger.cancel(["nobody", *ids]) == ["unknown", *["revoked"] * 250]
    assert ledger.redrive([*ids[:120], "nobody"]) == [*["ready"] * 120, "unknown"]
    assert ledger.discard(ids) == [*["unfinished"] * 120, *["discarded"] * 130]
    assert ledger.cancel([]) == []
    assert server.raw.info("commandstats")["cmdstat_evalsha"]["calls"] - before == 3 + 2 + 3
