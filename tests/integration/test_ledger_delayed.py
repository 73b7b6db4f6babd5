"""Very many delayed jobs: they lie on shelves, and nobody can tell."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs.conf import Settings
from jobs.errors import QueueFull
from jobs.ledger import Ledger, Place
from jobs.ledger.client import _packed
from tests.integration.a_job import a_job

SHELF = 10_000
MANY = 2 * SHELF + 1_000


@pytest.fixture
def many(server, ledger):
    """Delayed jobs, in no order of their times: `in-1` is due in a minute, and so on."""
    pipe = server.raw.pipeline(transaction=False)
    script = ledger._scripts["submit"].source
    digest = server.raw.script_load(script)
    for number in range(MANY):
        minutes = 1 + number * 7919 % MANY
        pipe.evalsha(digest, 0, *_packed(a_job(f"in-{minutes}", delay=timedelta(minutes=minutes))))
    assert all(answer[0] == "new" for answer in pipe.execute())


def shelves(server):
    return [
        server.raw.zcard(f"tb:scheduled:celery\n{number}")
        for number in server.raw.zrange("tb:shelves:celery", 0, -1)
    ]


def on_a_shelf(server):
    """The jobs of the two shelves, the soonest of each first."""
    return [server.raw.zrange(f"tb:scheduled:celery\n{number}", 0, -1) for number in (1, 2)]


def walked(ledger, between=lambda: None, after=None):
    """The ids of all pages of what waits for its time."""
    found: list[str] = []
    while True:
        page = ledger.browse.page([("celery", "scheduled")], after=after, limit=2000)
        found += [job.id for job in page.jobs]
        after = page.next
        if after is None:
            return found
        between()


def test_full_orders_become_shelves_and_the_books_balance(server, ledger, many):
    assert shelves(server) == [SHELF, SHELF]
    assert server.raw.zcard("tb:scheduled:celery") == MANY - 2 * SHELF
    assert (ledger.counts("celery").scheduled, ledger.counts("celery").gap) == (MANY, 0)


def test_a_list_has_each_job_of_the_shelves_once(ledger, many):
    found = walked(ledger)
    assert len(found) == MANY
    assert set(found) == {f"in-{minutes}" for minutes in range(1, MANY + 1)}


def test_a_list_goes_on_where_it_was_though_its_shelf_is_gone(server, ledger, many):
    first, second = on_a_shelf(server)
    place = Place(queue="celery", order="scheduled\n1", score=0, id="")
    ledger.redrive(first)
    assert walked(ledger, after=place) == second


def test_a_list_misses_no_job_that_goes_to_a_shelf_while_it_is_read(server, ledger):
    for number in range(SHELF):
        ledger.submit(a_job(f"in-{number}", delay=timedelta(minutes=1 + number)))
    seen = []

    def meet(job):
        seen.append(job.id)
        if len(seen) == SHELF - 500:  # `scheduled` is full, and becomes a shelf
            ledger.submit(a_job("late", delay=timedelta(days=100)))
        return True

    page = ledger.browse.page([("celery", "scheduled")], limit=3 * SHELF, wanted=meet, look_at=3 * SHELF)
    assert page.next is None
    assert set(seen) >= {f"in-{number}" for number in range(SHELF)}


def test_a_job_on_a_shelf_waits_for_its_time(server, ledger, many):
    assert ledger.browse.standing(ledger.record(on_a_shelf(server)[0][0])).scheduled


def test_jobs_on_shelves_can_be_cancelled_and_run_at_once(server, ledger, many, new_holder):
    first, second = on_a_shelf(server)
    assert ledger.cancel([first[0], second[-1]]) == ["revoked", "revoked"]
    assert ledger.redrive([second[0], first[-1]]) == ["ready", "ready"]
    assert ledger.redrive([second[0]]) == ["waiting"]
    assert new_holder("holder").claim("celery").id in {second[0], first[-1]}
    counts = ledger.counts("celery")
    assert (counts.scheduled, counts.revoked, counts.waiting, counts.started, counts.gap) == (
        MANY - 4,
        2,
        1,
        1,
        0,
    )


def test_jobs_on_shelves_start_at_their_times_and_in_their_order(server, ledger, many, new_holder):
    first, second = on_a_shelf(server)
    ledger.submit(a_job("new", due=datetime.now(UTC) + timedelta(hours=1)))
    dues = {"first": first[7], "new": "new", "second": second[9]}
    for due, (where, job_id) in enumerate(dues.items(), 1):
        order = {"first": "scheduled:celery\n1", "second": "scheduled:celery\n2", "new": "scheduled:celery"}[
            where
        ]
        server.raw.zadd(f"tb:{order}", {job_id: due})
        server.raw.hset(f"tb:job:{job_id}", "due", due)
    server.raw.zadd("tb:shelves:celery", {"1": 1, "2": 3})
    assert ledger.loads(["celery"], timedelta(seconds=30))[0].due_soon == 3
    ledger.tick(force=True)
    claimed = [new_holder(f"holder-{number}").claim("celery").id for number in range(3)]
    assert claimed == list(dues.values())
    assert ledger.counts("celery").gap == 0


def test_the_next_tick_is_wanted_when_the_first_job_of_a_shelf_is_due(server, ledger, many):
    first, _ = on_a_shelf(server)
    seconds, _ = server.raw.time()
    due = (int(seconds) + 20) * 1_000_000
    server.raw.zadd("tb:scheduled:celery\n1", {first[0]: due})
    server.raw.zadd("tb:shelves:celery", {"1": due})
    assert 15 < ledger.tick(force=True).next.total_seconds() <= 20


def test_what_is_left_of_shelves_is_put_together(server, ledger, many):
    first, second = on_a_shelf(server)
    kept = {*first[:150], *second[:250]}
    ledger.cancel([job_id for job_id in first + second if job_id not in kept])
    for _ in range(100):
        ledger.tick(force=True)
    assert shelves(server) == [400]
    assert kept <= set(walked(ledger))
    ledger.cancel(list(kept))
    ledger.tick(force=True)
    assert ledger.counts("celery").gap == 0


def test_a_shelf_that_is_empty_is_forgotten(server, ledger, many):
    ledger.cancel([job_id for shelf in on_a_shelf(server) for job_id in shelf])
    for _ in range(100):
        ledger.tick(force=True)
    assert shelves(server) == []


def test_a_queue_s_length_has_what_lies_on_shelves(server, ledger, many):
    limited = Ledger(Settings(REDIS_URL=server.url, QUEUES={"celery": {"max_length": MANY}}))
    with pytest.raises(QueueFull):
        limited.submit(a_job())
    ledger.cancel([on_a_shelf(server)[0][0]])
    assert limited.submit(a_job()).new
    limited._redis.connection_pool.disconnect()
