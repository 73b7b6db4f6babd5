"""The ledger against a small model: any order of calls, with every invariant held after every one.

Time is never waited for: an instant passes because its score is moved into the past.
"""

import os
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test

from jobs.conf import Settings
from jobs.ledger import Accepted, Claimed, Ending, HolderGone, KnownTasks, Ledger, State, Submission
from tests.integration import ledger_strategies as draw
from tests.integration.ledger_checks import check
from tests.integration.ledger_job import HOUR_US, LOST_LIMIT, Job
from tests.integration.ledger_model import Model
from tests.integration.ledger_operator import OperatorRules
from tests.integration.ledger_view import FINAL_ORDERS, P, look
from tests.integration.recorder import Recorder
from tests.redises import Server


class LedgerMachine(OperatorRules):
    """Drives the ledger and the model side by side."""

    def __init__(self, server: Server, ledger: Ledger, jobs_settings: Settings) -> None:
        super().__init__()
        self.raw, self.ledger, self.settings = server.raw, ledger, jobs_settings
        self.raw.flushdb()
        self.model = Model(limits=draw.LIMITS, max_running=draw.MAX_RUNNING)
        self.gone: set[str] = set()
        self.paused_tasks: set[str] = set()
        self.queues_used: set[str] = set()
        self.overdue: set[str] = set()
        self.born = 0
        self.endings: dict[str, dict[str, str]] = {}
        self.hands = [self.new_holder(known) for known in draw.KNOWN]
        self.judge = self.new_holder(draw.TASKS)
        self.ledger.tick(force=True)
        self.raw.hset(f"{P}tick", "grace", 0)

    def teardown(self) -> None:
        for holder in (*self.hands, self.judge):
            holder.close()

    def new_holder(self, known: Iterable[str]) -> Recorder:
        self.born += 1
        tasks = KnownTasks({name: draw.LIMITS[name] for name in known}, self.settings)
        return Recorder(f"holder-{self.born}", self.settings, tasks, "a-worker")

    @initialize(wanted=st.lists(draw.submissions, min_size=4, max_size=12))
    def submit_some(self, wanted):
        for one in wanted:
            self.submit_one(one)

    @rule(wanted=draw.submissions)
    def submit(self, wanted):
        self.submit_one(wanted)

    @rule(hand=draw.hands, queue=draw.queues)
    def claim(self, hand, queue):
        """Also while it holds a job: then it knows nothing of it."""
        holder = self.hands[hand]
        if holder.id in self.gone:
            self.is_refused(hand, lambda: holder.claim(queue))
            holder = self.hands[hand]
        self.is_given(holder, queue, holder.claim(queue))

    @rule(turns=st.lists(draw.turns, min_size=1, max_size=4))
    def work(self, turns):
        for hand, queue, ending, claim_from, bells_are_lost in turns:
            holder = self.hands[hand]
            if bells_are_lost:
                self.raw.delete(*draw.QUEUES)
            job = self.model.held.get(holder.id)
            if job is None:
                self.claim(hand, queue)
            else:
                finished = holder.finish(job.claimed(), ending, claim_from=claim_from)
                assert finished.recorded
                self.end(job, ending)
                self.is_given(holder, claim_from, finished.next)
                assert self.rings(job.queue)
            self.all_holds()

    @precondition(lambda self: self.model.jobs)
    @rule(
        hand=draw.hands,
        pick=draw.picks,
        ending=draw.endings,
        claim_from=st.sampled_from(["", *draw.QUEUES]),
        older=st.booleans(),
    )
    def finish_what_it_does_not_have(self, hand, pick, ending, claim_from, older):
        holder, job = self.hands[hand], self.a_job(pick)
        older = older or job.state is State.STARTED
        stale = replace(job.claimed(), token=str(job.token - older))
        if holder.id in self.gone:
            self.is_refused(hand, lambda: holder.finish(stale, ending, claim_from=claim_from))
            return
        finished = holder.finish(stale, ending, claim_from=claim_from)
        assert (finished.recorded, finished.next) == (False, None)
        self.model.has_only(holder.id, None)

    @precondition(lambda self: self.model.held)
    @rule(pick=draw.picks, ending=draw.endings)
    def end_by_force(self, pick, ending):
        _, job = self.a_holder_at_work(pick)
        assert self.judge.finish(job.claimed(), ending).recorded
        self.end(job, ending)

    @rule(hand=draw.hands)
    def calls_come_again(self, hand):
        holder, before = self.hands[hand], look(self.raw).values
        if holder.calls:
            *_, answer = holder.calls[-1]
            job = self.model.held.get(holder.id)
            expected = answer if job and answer[1:2] == [job.id.encode()] else answer[:1]
            assert holder.again(1) == ([b"gone"] if holder.id in self.gone else expected)
        if len(holder.calls) > 1:
            assert holder.again(2) == [b"gone" if holder.id in self.gone else b"stale"]
        assert look(self.raw).values == before

    @rule(hand=draw.hands)
    def release(self, hand):
        name = self.hands[hand].id
        held = self.model.held.get(name)
        assert self.ledger.release("killed", [name]) == self.model.release(name)
        assert not held or self.rings(held.queue)
        self.gone.add(name)
        self.overdue.discard(name)

    @rule(
        silent=st.sets(draw.hands, max_size=2),
        renewed=st.sets(draw.hands, max_size=1),
        after_a_gap=st.booleans(),
        lost=draw.queues,
    )
    def tick(self, silent, renewed, after_a_gap, lost):
        self.raw.delete(lost)
        self.overdue = (self.overdue | self.leases_run_out(silent)) - self.renew(renewed)
        seconds, microseconds = self.raw.time()
        now = seconds * 1_000_000 + microseconds
        self.raw.hset(f"{P}tick", "at", 0 if after_a_gap else now)
        if after_a_gap:  # and the clock was an hour ahead before
            self.raw.hset(f"{P}queue:{lost}", "stamp", max(now + HOUR_US, self.stamp(lost)))
        assert self.ledger.tick(force=True).ran
        assert self.raw.zcount(f"{P}timers", 0, 2000) == 0
        if not after_a_gap:
            for name in sorted(self.overdue):
                self.model.release(name)
            self.gone.update(self.overdue)
            self.overdue.clear()
        self.model.tick()
        self.raw.hset(f"{P}tick", "grace", 0)
        for queue in draw.QUEUES:
            assert self.rings(queue)

    @precondition(lambda self: self.model.held)
    @rule(pick=draw.picks, right=st.booleans())
    def note(self, pick, right):
        _, job = self.a_holder_at_work(pick)
        before = look(self.raw).values
        assert self.ledger.note(job.id, str(job.token - (not right)), progress="1") is right
        assert right or look(self.raw).values == before
        assert not right or self.record(job.id)["progress"] == "1"

    @precondition(lambda self: self.model.later())
    @rule(pick=draw.picks, instant=st.sampled_from([1000, 2000]))
    def due_instant_comes(self, pick, instant):
        later = self.model.later()
        job = later[pick % len(later)]
        self.raw.hset(f"{P}job:{job.id}", "due", instant)
        self.raw.zadd(f"{P}{job.order}:{job.queue}", {job.id: instant})
        job.due = instant

    @precondition(lambda self: self.model.ended())
    @rule(pick=draw.picks, anew=st.none() | draw.submissions)
    def retention_passes(self, pick, anew):
        """With or without a tick before the record ends by itself and its id comes anew."""
        ended = self.model.ended()
        job = ended[pick % len(ended)]
        self.raw.zadd(f"{P}{job.order}:{job.queue}", {job.id: 1})
        self.model.trimmable.add(job.id)
        if anew is not None:
            names = [f"{P}{kind}:{job.id}" for kind in ("job", "attempts", "log")]
            self.raw.delete(*names, f"celery-task-meta-{job.id}")
            self.model.lose_record(job)
            self.submit_one(replace(anew, id=job.id))

    @invariant()
    def all_holds(self):
        view = look(self.raw)
        check(view, self.model, self.ledger, draw.QUEUES)
        for job in self.model.jobs.values():
            if job.order in FINAL_ORDERS:
                record = view.record(job.id)
                assert self.endings.setdefault(job.id, record) == record
            else:
                self.endings.pop(job.id, None)
        for queue in draw.QUEUES:
            assert self.raw.llen(queue) <= 2
        started = {job.id for job in self.model.jobs.values() if job.state is State.STARTED}
        assert started == {job.id for job in self.model.held.values()}

    def is_given(self, holder: Recorder, queue: str, given: Claimed | None) -> None:
        """What the ledger gave is what the model would give, at a higher token than any before."""
        expected, fair = self.model.claim(holder.id, queue, holder._known.names) if queue else (None, False)
        if expected is None or given is None:
            assert given is None
            assert expected is None
            return
        assert int(given.token) > expected.token
        expected.token = int(given.token)
        assert given == expected.claimed()
        assert self.record(given.id)["worker"] == "a-worker"
        left = [job for job in self.model.waiting(queue) if job.node == expected.node]
        if fair and (left or not expected.key):
            self.model.turns[queue, expected.key] = self.stamp(queue)
        assert self.rings(queue)

    def submit_one(self, wanted: Submission) -> None:
        stamp, expected = self.stamp(wanted.queue), self.model.expected(wanted, draw.MAX_LENGTH)
        if not isinstance(expected, str):
            with pytest.raises(expected):
                self.ledger.submit(wanted)
            return
        known = wanted.id in self.model.jobs or expected != wanted.id or self.model.stands_for(wanted)
        assert self.ledger.submit(wanted) == Accepted(id=expected, new=not known)
        if known:
            return
        new_queue = wanted.queue not in self.queues_used
        job = Job(
            id=wanted.id, task=wanted.task, queue=wanted.queue, key=wanted.key, arguments=wanted.arguments,
            priority=wanted.priority, expired=wanted.expires == draw.PAST, unique=wanted.unique,
            objective=bool(wanted.objective),
            expires=wanted.expires is not None,
            created=int(self.record(wanted.id)["created"]),
        )  # fmt: skip
        assert job.created > stamp
        self.model.accept(job, wanted)
        self.queues_used.add(wanted.queue)
        if new_queue:
            for task in self.paused_tasks:
                self.model.pause(task, [wanted.queue])
        if wanted.due == draw.FUTURE or (wanted.due is None and wanted.delay):
            job.order = "scheduled"
        else:
            self.model.make_ready(job, job.created)
            assert self.rings(job.queue)

    def leases_run_out(self, hands: set[int]) -> set[str]:
        """The holders among these that have a lease, which is over now."""
        names = {self.hands[hand].id for hand in hands}
        return {name for name in names if self.raw.zadd(f"{P}leases", {name: 1}, xx=True, ch=True)}

    def renew(self, hands: set[int]) -> set[str]:
        names = [self.hands[hand].id for hand in sorted(hands)]
        assert self.ledger.renew("worker", "{}", "known", names) == [
            name for name in names if name in self.gone
        ]
        return set(names)

    def end(self, job: Job, ending: Ending) -> None:
        if ending.outcome is State.PENDING:
            self.model.hand_back(job, later=bool(ending.delay))
        elif ending.outcome is State.RETRY:
            self.model.retry(job, later=ending.due is None and bool(ending.delay), arguments=ending.arguments)
        else:
            self.model.end(job, ending.outcome)

    def is_refused(self, hand: int, call: Any) -> None:
        """A holder that was released can do nothing any more; another comes in its place."""
        before = look(self.raw).values
        with pytest.raises(HolderGone):
            call()
        assert look(self.raw).values == before
        self.hands[hand].close()
        self.hands[hand] = self.new_holder(draw.KNOWN[hand])


@pytest.mark.timeout(180)
def test_whatever_is_called_in_whatever_order_the_ledger_does_as_its_model_does(server):
    said = {"LEASE": draw.HOUR, "LOST_LIMIT": LOST_LIMIT, "QUEUES": draw.QUEUE_LIMITS}
    jobs_settings = Settings.model_validate({"REDIS_URL": server.url} | said)
    ledger = Ledger(jobs_settings)
    profile = settings(
        max_examples=100, stateful_step_count=40, deadline=None, derandomize="CI" in os.environ,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    machine: Any = partial(LedgerMachine, server, ledger, jobs_settings)
    run_state_machine_as_test(machine, settings=profile)
    ledger._redis.connection_pool.disconnect()
