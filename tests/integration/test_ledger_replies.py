"""Replies that are lost after their scripts ran: no job is held by nobody, and none runs twice."""

import random
import threading
from collections import Counter
from typing import Any

import pytest

from jobs.chaos.proxy import cutting_proxy
from jobs.conf import Settings
from jobs.errors import LedgerUnavailable
from jobs.ledger import Holder, KnownTasks, Ledger, State, Submission
from jobs.limits import Limits
from tests.integration.a_job import DONE, a_job

JOBS = 300


@pytest.fixture
def proxy(server):
    with cutting_proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def through_proxy(proxy) -> Settings:
    return Settings(REDIS_URL=proxy.url)


def submit_until_accepted(ledger: Ledger, job: Submission) -> None:
    while True:
        try:
            ledger.submit(job)
        except LedgerUnavailable:
            continue
        else:
            return


def work(settings: Settings, name: str, ran: list[str]) -> None:
    """One holder's life: sometimes a finish claims the next job, sometimes a call of its own does."""
    holder, chance = Holder(name, settings, KnownTasks({"process": Limits()}, settings)), random.Random(name)
    job = holder.claim("celery")
    while job:
        ran.append(job.id)
        finished = holder.finish(job, DONE, claim_from=chance.choice(["", "celery"]))
        assert finished.recorded
        job = finished.next or holder.claim("celery")
    holder.close()


def test_a_holder_that_gives_up_asks_again_and_gets_the_answer_that_was_lost(
    proxy, through_proxy, ledger, new_holder
):
    for name in ("zero", "one"):
        ledger.submit(a_job(name))
    worker, known = new_holder("worker"), KnownTasks({"process": Limits()}, through_proxy)
    ended = worker.claim("celery")
    job = worker.finish(ended, DONE, claim_from="celery").next
    judge = Holder("judge", through_proxy, known, gives_up=True)
    assert not judge.finish(ended, DONE).recorded
    proxy.cut_share = 1.0
    for _ in range(3):
        with pytest.raises(LedgerUnavailable):
            judge.finish(job, DONE)
    assert ledger.status("one")[0] is State.SUCCESS  # it was heard, and nobody knows
    proxy.cut_share = 0.0
    assert judge.finish(job, DONE).recorded
    assert not judge.finish(job, DONE).recorded  # another call, of an attempt that has ended
    assert ledger.counts("celery").success == 2
    judge.close()


def test_no_job_is_lost_or_run_twice_where_one_reply_in_five_is_cut(server, proxy, through_proxy, ledger):
    cut, jobs = Ledger(through_proxy), [a_job() for _ in range(JOBS)]
    proxy.cut_share = 0.2
    for job in jobs:
        submit_until_accepted(cut, job)
    cuts_of_submits = proxy.cuts
    assert (ledger.counts("celery").accepted, ledger.counts("celery").waiting) == (JOBS, JOBS)
    ran: list[str] = []
    names = ["one", "two", "three"]
    holders = [threading.Thread(target=work, args=(through_proxy, name, ran)) for name in names]
    for holder in holders:
        holder.start()
    for holder in holders:
        holder.join(timeout=90)
    assert Counter(ran) == Counter(job.id for job in jobs)
    counts = ledger.counts("celery")
    assert (counts.success, counts.started, counts.waiting, counts.gap) == (JOBS, 0, 0, 0)
    assert {ledger.record(job.id).number("attempt") for job in jobs} == {1}
    assert min(cuts_of_submits, proxy.cuts - cuts_of_submits) > JOBS / 10
    cut._redis.connection_pool.disconnect()


@pytest.mark.parametrize("call", ["claim", "finish", "finish and claim"])
def test_a_call_whose_every_reply_is_cut_for_a_while_is_answered_in_the_end(
    server, proxy, through_proxy, ledger, call
):
    ledger.submit(a_job("first"))
    ledger.submit(a_job("second"))
    holder = Holder("holder", through_proxy, KnownTasks({"process": Limits()}, through_proxy))
    job: Any = holder.claim("celery") if call != "claim" else None
    calls: dict[str, Any] = {
        "claim": lambda: holder.claim("celery"),
        "finish": lambda: holder.finish(job, DONE),
        "finish and claim": lambda: holder.finish(job, DONE, claim_from="celery").next,
    }
    proxy.cut_share, seen = 1.0, proxy.cuts
    answers = []
    caller = threading.Thread(target=lambda: answers.append(calls[call]()))
    caller.start()
    while caller.is_alive() and proxy.cuts < seen + 4:
        caller.join(timeout=0.01)
    proxy.cut_share = 0.0
    caller.join(timeout=20)
    assert len(answers) == 1
    assert ledger.counts("celery").started == (call != "finish")
    assert ledger.counts("celery").success == (call != "claim")
    assert ledger.record("first").state is (State.STARTED if call == "claim" else State.SUCCESS)
    holder.close()
