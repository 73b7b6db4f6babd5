"""What the ledger promises, as a dictionary and a sort would keep it: the model of the state machine."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from jobs.errors import IdempotencyConflict, JobsError, NotUnique, QueueFull
from jobs.ledger import State, Submission
from tests.integration.ledger_job import LOST_LIMIT, Job
from tests.integration.ledger_lanes import Lanes


@dataclass
class Model(Lanes):
    """All jobs, who holds which, and what stops which."""

    trimmable: set[str] = field(default_factory=set)
    """Ids whose retention is over; the next tick forgets them."""
    leftovers: set[tuple[str, str, str]] = field(default_factory=set)
    """(id, queue, order) of jobs whose records ended before the tick came to trim them."""
    measured: Counter[str] = field(default_factory=Counter)
    """By queue: the jobs that were held against an objective."""
    uniques: dict[str, str] = field(default_factory=dict)
    """By what is unique: the job that is in the way."""
    once: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By idempotency key: the job, and the digest of what was submitted."""

    def expected(self, wanted: Submission, max_length: Mapping[str, int]) -> str | type[JobsError]:
        """The id that a submit gives, or the error that it raises."""
        if wanted.id in self.jobs:
            return wanted.id
        if first := self.once.get(wanted.idempotency_key):
            return first[0] if first[1] == wanted.digest else IdempotencyConflict
        if wanted.unique and (other := self.uniques.get(wanted.unique.kind)):
            return NotUnique if wanted.unique.refuse else other
        here = [job for job in self.jobs.values() if job.queue == wanted.queue]
        length = sum(job.order in {"lane", "scheduled", "retry"} for job in here)
        return QueueFull if length >= max_length.get(wanted.queue, 1000) else wanted.id

    def stands_for(self, wanted: Submission) -> bool:
        """Whether its idempotency key means this very id, though its record is gone."""
        return wanted.idempotency_key in self.once

    def accept(self, job: Job, wanted: Submission) -> None:
        self.jobs[job.id] = job
        if wanted.unique:
            self.uniques[wanted.unique.kind] = job.id
        if wanted.idempotency_key:
            self.once[wanted.idempotency_key] = (job.id, wanted.digest)

    def claim(self, holder: str, queue: str, known: Collection[str]) -> tuple[Job | None, bool]:
        """The holder has nothing, and takes the next job that is still wanted and may run."""
        self.has_only(holder, None)
        while not self.is_held_up(queue):
            job, fair = self.next(queue, known)
            if job is None:
                break
            if stopped := self._stopped(job):
                self.parked[queue, stopped[0]] = stopped[1]
                self.due_timers.discard((queue, stopped[0]))
            elif job.expired:
                self.end(job, State.REVOKED)
            else:
                self.start(holder, job)
                return job, fair
        return None, False

    def start(self, holder: str, job: Job) -> None:
        job.state, job.order = State.STARTED, "started"
        job.attempt += 1
        self.held[holder] = job
        for node, limit in self._limits(job):
            job.slots = job.slots or limit.max_running is not None
            if limit.rate:
                self.spent.add(node)
        if job.unique and job.unique.while_waiting:
            self.release_unique(job)

    def has_only(self, holder: str, job: Job | None) -> None:
        """What a holder was given and does not know of goes back, and nobody is to blame."""
        held = self.held.get(holder)
        if held is not None and held is not job:
            self.let_go(held)
            if held.cancelled:
                self.end(held, State.REVOKED)
            else:
                self.make_ready(held, held.created)

    def let_go(self, job: Job) -> None:
        """Its attempt runs no more: what it kept others from goes on."""
        self.held = {holder: held for holder, held in self.held.items() if held is not job}
        if job.slots:
            freed = {node for node, _ in self._limits(job)}
            self.parked = {
                where: reason
                for where, reason in self.parked.items()
                if where[1] not in freed or reason != "running"
            }
        job.slots = False

    def retry(self, job: Job, *, later: bool, arguments: str) -> None:
        self.let_go(job)
        if job.cancelled:
            self.end(job, State.REVOKED)
            return
        job.retries += 1
        job.arguments = arguments or job.arguments
        if later:
            job.state, job.order = State.RETRY, "retry"
        else:
            self.make_ready(job, job.created)

    def hand_back(self, job: Job, *, later: bool) -> None:
        self.let_go(job)
        if job.cancelled:
            self.end(job, State.REVOKED)
            return
        job.attempt -= 1
        if later:
            job.state, job.order = State.PENDING, "scheduled"
        else:
            self.make_ready(job, job.created)

    def end(self, job: Job, state: State) -> None:
        self.let_go(job)
        job.state, job.order = state, state.lower()
        self.leftovers.discard((job.id, job.queue, job.order))
        self.release_unique(job)
        if state is not State.REVOKED:
            self.measured[job.queue] += job.objective
        job.objective = False

    def release_unique(self, job: Job) -> None:
        if job.unique and self.uniques.get(job.unique.kind) == job.id:
            del self.uniques[job.unique.kind]

    def release(self, holder: str) -> bool:
        """True where it held a job."""
        job = self.held.get(holder)
        if job is None:
            return False
        self.let_go(job)
        job.lost += 1
        if job.cancelled:
            self.end(job, State.REVOKED)
        elif job.lost >= LOST_LIMIT:
            self.end(job, State.FAILURE)
        else:
            self.make_ready(job, job.created)
        return True

    def cancel(self, job: Job) -> str:
        if job.state.is_final:
            return "ended"
        if job.state is State.STARTED:
            job.cancelled = True
            return "asked"
        self.end(job, State.REVOKED)
        return "revoked"

    def redrive(self, job: Job, stamp: int) -> str:
        """`stamp` is the ledger's, for a job that had ended."""
        if job.order in {"scheduled", "retry"}:
            self.make_ready(job, job.created)
            return "ready"
        if job.state is State.SUCCESS:
            return "succeeded"
        if not job.state.is_final:
            return "waiting" if job.state is State.PENDING else "running"
        if job.unique and self.uniques.get(job.unique.kind, job.id) != job.id:
            return "unique"
        if job.unique:
            self.uniques[job.unique.kind] = job.id
        self.trimmable.discard(job.id)
        job.retries = job.lost = 0
        job.expired = job.expires = job.cancelled = False
        self.make_ready(job, stamp)
        return "ready"

    def tick(self) -> None:
        """What is due becomes ready; what is past its expiry or its retention ends or is forgotten."""
        for where in self.due_timers:
            if self.parked.get(where) == "rate":
                del self.parked[where]
        self.due_timers.clear()
        for job in self.jobs.values():
            if job.order in {"scheduled", "retry"} and job.due:
                self.make_ready(job, job.due)
                job.due = 0
            if job.expired and not job.state.is_final and job.state is not State.STARTED:
                self.end(job, State.REVOKED)
        for job_id in self.trimmable:
            del self.jobs[job_id]
        self.trimmable.clear()
        self.leftovers.clear()

    def an_hour_passes(self) -> None:
        """For the rates alone."""
        self.spent.clear()
        self.due_timers = {where for where, reason in self.parked.items() if reason == "rate"}

    def pause(self, task: str, queues: Collection[str]) -> None:
        self.parked |= {(queue, task): "paused" for queue in queues}

    def resume(self, task: str) -> None:
        self.parked = {
            where: reason for where, reason in self.parked.items() if where[1] != task or reason != "paused"
        }

    def later(self) -> list[Job]:
        """Jobs that wait for their instant."""
        return [job for job in self.jobs.values() if job.order in {"scheduled", "retry"}]

    def ended(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.state.is_final]

    def lose_record(self, job: Job) -> None:
        """The record ended by itself: its id may come anew, and its place in its order waits for a tick."""
        self.trimmable.discard(job.id)
        del self.jobs[job.id]
        self.leftovers.add((job.id, job.queue, job.order))

    def orders(self) -> dict[tuple[str, str, str], int]:
        """Every id's one order, and what is left over."""
        places = [(job.id, job.queue, job.order) for job in self.jobs.values()]
        return dict(Counter([*places, *self.leftovers]))
