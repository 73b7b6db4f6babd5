"""What the ledger promises, as a dictionary and a sort would keep it: the model of the state machine."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from jobs.errors import IdempotencyConflict, JobsError, NotUnique, QueueFull
from jobs.ledger import Claimed, State, Submission, Unique
from jobs.limits import Limit, Limits

HOUR_US = 3_600_000_000
AGEING_US = HOUR_US
LOST_LIMIT = 2


@dataclass(kw_only=True)
class Job:
    """A job, and the one order that it is in."""

    id: str
    task: str
    queue: str
    key: str
    arguments: str
    priority: int
    expired: bool
    unique: Unique | None = None
    created: int = 0
    """The ledger's own stamp: it is read from the record, since it alone knows the time."""
    due: int = 0
    state: State = State.PENDING
    order: str = ""
    place: int = 0
    """The score in its lane."""
    attempt: int = 0
    retries: int = 0
    lost: int = 0
    token: int = 0
    cancelled: bool = False
    """Its worker was asked to stop it."""
    slots: bool = False
    """It runs and counts against a limit."""

    @property
    def node(self) -> str:
        return f"{self.task}\n{self.key}" if self.key else self.task

    def claimed(self) -> Claimed:
        """What its holder is told."""
        return Claimed(
            id=self.id, token=str(self.token), task=self.task, arguments=self.arguments,
            attempt=self.attempt, retries=self.retries, queue=self.queue, priority=self.priority,
            created_us=self.created, options="{}",
        )  # fmt: skip

    def recorded(self) -> dict[str, object]:
        """What its record must show."""
        return {
            "state": self.state, "task": self.task, "queue": self.queue, "args": self.arguments,
            "attempt": self.attempt, "retries": self.retries, "lost": self.lost, "token": self.token,
        }  # fmt: skip


@dataclass
class Model:
    """All jobs, who holds which, and what stops which."""

    limits: Mapping[str, Limits]
    max_running: Mapping[str, int]
    """By queue."""
    jobs: dict[str, Job] = field(default_factory=dict)
    held: dict[str, Job] = field(default_factory=dict)
    """By holder; at most one each."""
    trimmable: set[str] = field(default_factory=set)
    """Ids whose retention is over; the next tick forgets them."""
    leftovers: set[tuple[str, str, str]] = field(default_factory=set)
    """(id, queue, order) of jobs whose records ended before the tick came to trim them."""
    paused: set[str] = field(default_factory=set)
    """Queues."""
    parked: dict[tuple[str, str], str] = field(default_factory=dict)
    """By queue and node: the reason."""
    turns: dict[tuple[str, str], int] = field(default_factory=dict)
    """By queue and key ('' for the jobs without one): the stamp of its last turn."""
    due_timers: set[tuple[str, str]] = field(default_factory=set)
    """Queues and nodes that the next tick lets go on."""
    spent: set[str] = field(default_factory=set)
    """Nodes whose rate allows no start before an hour has passed."""
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

    def make_ready(self, job: Job, stamp: int) -> None:
        job.state, job.order = State.PENDING, "lane"
        job.place = stamp - job.priority * AGEING_US

    def is_parked(self, job: Job) -> bool:
        return (job.queue, job.node) in self.parked or (job.queue, job.task) in self.parked

    def heads(self, queue: str) -> list[Job]:
        """The first job of each lane that is not parked."""
        heads: dict[str, Job] = {}
        for job in self.waiting(queue):
            best = heads.get(job.node)
            if not self.is_parked(job) and (best is None or self._rank(job) < self._rank(best)):
                heads[job.node] = job
        return list(heads.values())

    def turn(self, job: Job) -> int:
        """Where a job stands among those with keys: after its key's last turn."""
        last = self.turns.get((job.queue, job.key))
        return job.place if last is None else max(job.place, last - job.priority * AGEING_US)

    def next(self, queue: str, known: Collection[str]) -> tuple[Job | None, bool]:
        """The job whose turn it is, and whether there are keys to be fair to."""
        heads = self.heads(queue)
        plain = [job for job in heads if not job.key and job.task in known]
        fair = [job for job in heads if job.key and job.task in known]
        first = min(plain, key=lambda job: (job.place, job.task.encode()), default=None)
        keyed = min(fair, key=lambda job: (self.turn(job), job.task.encode(), job.key.encode()), default=None)
        if first is None or (keyed is not None and self.turn(keyed) < self.turn(first)):
            first = keyed
        return first, any(job.key for job in heads)

    def is_held_up(self, queue: str) -> bool:
        running = sum(job.state is State.STARTED and job.queue == queue for job in self.jobs.values())
        return queue in self.paused or running >= self.max_running.get(queue, 1000)

    def is_claimable(self, queue: str) -> bool:
        """Whether somebody could claim a job of it now."""
        return not self.is_held_up(queue) and any(not self._stopped(job) for job in self.heads(queue))

    def waiting(self, queue: str) -> list[Job]:
        return [job for job in self.jobs.values() if job.order == "lane" and job.queue == queue]

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

    def running(self, node: str) -> set[str]:
        """Ids of the running jobs of a node that has a limit on them."""
        return {
            job.id
            for job in self.jobs.values()
            for limited, limit in self._limits(job)
            if job.state is State.STARTED and limited == node and limit.max_running is not None
        }

    def _limits(self, job: Job) -> list[tuple[str, Limit]]:
        limits = self.limits[job.task]
        return [(job.task, limits.task), *([(job.node, limits.each_key)] if job.key else [])]

    def _stopped(self, job: Job) -> tuple[str, str] | None:
        """The node and the reason that stop a job, if one does."""
        for node, limit in self._limits(job):
            if limit.max_running is not None and len(self.running(node)) >= limit.max_running:
                return node, "running"
            if limit.rate and node in self.spent:
                return node, "rate"
        return None

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

    def hand_back(self, job: Job) -> None:
        self.let_go(job)
        if job.cancelled:
            self.end(job, State.REVOKED)
            return
        job.attempt -= 1
        self.make_ready(job, job.created)

    def end(self, job: Job, state: State) -> None:
        self.let_go(job)
        job.state, job.order = state, state.lower()
        self.leftovers.discard((job.id, job.queue, job.order))
        self.release_unique(job)

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
        job.expired = job.cancelled = False
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

    @staticmethod
    def _rank(job: Job) -> tuple[int, bytes]:
        return job.place, job.id.encode()
