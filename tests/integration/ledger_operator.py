"""The state machine's rules for who runs the platform: pause, cancel, redrive, discard."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from redis import Redis

from jobs.ledger import Ledger
from tests.integration import ledger_strategies as draw
from tests.integration.ledger_job import Job
from tests.integration.ledger_model import Model
from tests.integration.ledger_view import P
from tests.integration.recorder import Recorder


class OperatorRules(RuleBasedStateMachine):
    """What the rules share, and those that no worker calls."""

    raw: Redis
    ledger: Ledger
    model: Model
    hands: list[Recorder]
    paused_tasks: set[str]
    queues_used: set[str]

    @rule()
    def an_hour_passes_for_the_rates(self):
        for key in self.raw.scan_iter(f"{P}rate:*"):
            self.raw.delete(key)
        timers: Any = self.raw.zrange(f"{P}timers", 0, -1)
        if timers:
            self.raw.zadd(f"{P}timers", dict.fromkeys(timers, 1))
        self.model.an_hour_passes()

    @rule(queue=draw.queues, pausing=st.booleans())
    def pause_a_queue(self, queue, pausing):
        call = self.ledger.pause if pausing else self.ledger.resume
        assert call(queue=queue) is (pausing is not (queue in self.model.paused))
        (self.model.paused.add if pausing else self.model.paused.discard)(queue)
        assert pausing or self.rings(queue)

    @rule(task=draw.tasks, pausing=st.booleans())
    def pause_a_task(self, task, pausing):
        paused = task in self.paused_tasks
        call = self.ledger.pause if pausing else self.ledger.resume
        assert call(task=task) is (pausing is not paused)
        if pausing:
            self.paused_tasks.add(task)
            self.model.pause(task, self.queues_used)
        else:
            self.paused_tasks.discard(task)
            self.model.resume(task)
        for queue in draw.QUEUES:
            assert self.rings(queue) or not (paused and not pausing)

    @precondition(lambda self: self.model.jobs)
    @rule(pick=draw.picks)
    def cancel(self, pick):
        job = self.a_job(pick)
        assert self.ledger.cancel([job.id, "unknown"]) == [self.model.cancel(job), "unknown"]

    @precondition(lambda self: self.model.jobs)
    @rule(pick=draw.picks)
    def redrive(self, pick):
        job = self.a_job(pick)
        told = self.ledger.redrive([job.id, "unknown"])
        assert told == [self.model.redrive(job, self.stamp(job.queue)), "unknown"]
        assert told[0] != "ready" or self.rings(job.queue)

    @precondition(lambda self: self.model.jobs)
    @rule(pick=draw.picks)
    def discard(self, pick):
        job = self.a_job(pick)
        ended = job.state.is_final
        assert self.ledger.discard([job.id]) == ["discarded" if ended else "unfinished"]
        if ended:
            assert self.ledger.was_there(job.id)
            self.model.trimmable.discard(job.id)
            del self.model.jobs[job.id]

    def a_job(self, pick: int) -> Job:
        return list(self.model.jobs.values())[pick % len(self.model.jobs)]

    def a_holder_at_work(self, pick: int) -> tuple[Recorder, Job]:
        name, job = sorted(self.model.held.items())[pick % len(self.model.held)]
        return next(holder for holder in self.hands if holder.id == name), job

    def rings(self, queue: str) -> bool:
        return self.raw.llen(queue) > 0 or not self.model.is_claimable(queue)

    def record(self, job_id: str) -> dict[str, str]:
        return {str(name): str(value) for name, value in self.raw.hgetall(f"{P}job:{job_id}").items()}

    def stamp(self, queue: str) -> int:
        return int(self.raw.hget(f"{P}queue:{queue}", "stamp") or 0)
