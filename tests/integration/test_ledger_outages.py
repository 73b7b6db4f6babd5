"""Redis away: who must answer says so in two seconds, holders wait, and all goes on with no restart."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jobs.errors import LedgerUnavailable
from jobs.ledger import State
from tests.integration.a_job import DONE, a_job
from tests.redises import SERVERS, Server
from tests.workers import eventually

AWAY = [
    pytest.param(Server.kill, Server.start, id="killed"),
    pytest.param(Server.pause, Server.resume, id="stopped"),
]


@pytest.fixture(params=SERVERS)
def server(request) -> Iterator[Server]:
    """A server of its own for each test, since these kill it."""
    with SERVERS[request.param]() as server:
        yield server


class Call(threading.Thread):
    """A call that waits, in a thread of its own, for what it returns."""

    def __init__(self, call: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._call = call
        self.start()

    def run(self) -> None:
        self.answer = self._call()

    def waits(self) -> bool:
        self.join(timeout=0.3)
        return self.is_alive()

    def result(self) -> Any:
        self.join(timeout=20)
        assert not self.is_alive()
        return self.answer


@pytest.mark.parametrize(("leave", "come_back"), AWAY)
def test_while_redis_is_away_every_method_says_so_within_two_seconds(server, ledger, leave, come_back):
    ledger.submit(a_job())
    leave(server)
    methods = [
        lambda: ledger.submit(a_job()),
        lambda: ledger.status("x"),
        lambda: ledger.tick(force=True),
        lambda: ledger.renew("worker", "{}", "known", ["holder"]),
        lambda: ledger.release("killed", ["holder"]),
        lambda: ledger.record("x"),
        lambda: ledger.note("x", "1"),
        lambda: ledger.counts("celery"),
        ledger.ping,
    ]
    for method in methods if leave is Server.kill else methods[:4]:  # a stopped one takes its time
        began = time.monotonic()
        with pytest.raises(LedgerUnavailable):
            method()
        assert time.monotonic() - began < 2
    come_back(server)
    eventually(lambda: ledger.submit(a_job("afterwards")) or ledger.record("afterwards"))


@pytest.mark.parametrize(("leave", "come_back"), AWAY)
def test_a_holder_waits_for_redis_and_then_has_its_answer(server, new_holder, ledger, leave, come_back):
    holder = new_holder("holder")
    for job_id in ("first", "second", "third"):
        ledger.submit(a_job(job_id))
    job = holder.claim("celery")
    server.raw.save()
    leave(server)
    finish = Call(lambda: holder.finish(job, DONE, claim_from="celery"))
    assert finish.waits()
    come_back(server)
    assert finish.result().recorded
    assert finish.result().next.id == "second"
    leave(server)
    last = Call(lambda: holder.finish(finish.result().next, DONE, claim_from="celery"))
    assert last.waits()
    come_back(server)
    last.result()


def test_a_claim_on_an_empty_redis_that_was_killed_goes_on_when_it_is_back(server, new_holder, ledger):
    holder = new_holder("holder")
    assert holder.claim("celery") is None
    server.kill()
    claim = Call(lambda: holder.claim("celery"))
    assert claim.waits()
    server.start()
    assert claim.result() is None
    eventually(lambda: ledger.submit(a_job("new")) or ledger.record("new"))
    assert holder.claim("celery").id == "new"


def test_a_redis_that_refuses_to_write_for_a_while_is_waited_for(server, new_holder, ledger):
    ledger.submit(a_job("first"))
    holder = new_holder("holder")
    server.raw.config_set("min-replicas-to-write", 1)
    claim = Call(lambda: holder.claim("celery"))
    assert claim.waits()
    with pytest.raises(LedgerUnavailable):
        ledger.submit(a_job("second"))
    server.raw.config_set("min-replicas-to-write", 0)
    assert claim.result().id == "first"


def test_every_job_still_ends_when_redis_comes_back_with_older_data(server, new_holder, ledger):
    one, two = new_holder("one"), new_holder("two")
    for job_id in ("held", "next", "last"):
        ledger.submit(a_job(job_id))
    held = one.claim("celery")
    server.raw.save()
    lost = one.finish(
        held, DONE, claim_from="celery"
    ).next  # what follows is in nobody's memory but the holder's
    server.kill()
    server.start()
    reclaimed = two.claim("celery")
    assert (lost.id, reclaimed.id) == ("next", "next")
    assert not one.finish(lost, DONE).recorded  # the fence holds: its token was not given out twice
    assert two.finish(reclaimed, DONE).recorded
    job = one.claim("celery")
    while job:
        job = one.finish(job, DONE, claim_from="celery").next
    assert [ledger.status(job_id)[0] for job_id in ("held", "next", "last")] == [State.SUCCESS] * 3
    assert ledger.counts("celery").gap == 0
