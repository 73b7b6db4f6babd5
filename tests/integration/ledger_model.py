"""What the ledger promises, as a dictionary and a sort would keep it: the model of the state machine."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from jobs.ledger import Claimed, State

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

    @property
    def lane(self) -> str:
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
    """All jobs, and who holds which."""

    jobs: dict[str, Job] = field(default_factory=dict)
    held: dict[str, Job] = field(default_factory=dict)
    """By holder; at most one each."""
    trimmable: set[str] = field(default_factory=set)
    """Ids whose retention is over; the next tick forgets them."""
    leftovers: set[tuple[str, str, str]] = field(default_factory=set)
    """(id, queue, order) of jobs whose records ended before the tick came to trim them."""

    def make_ready(self, job: Job, stamp: int) -> None:
        job.state, job.order = State.PENDING, "lane"
        job.place = stamp - job.priority * AGEING_US

    def first(self, queue: str, known: Collection[str]) -> Job | None:
        """The job that is next: the first of the first lane, by place and then by name."""
        lanes: dict[str, Job] = {}
        for job in self.waiting(queue):
            best = lanes.get(job.lane)
            if job.task in known and (best is None or self._rank(job) < self._rank(best)):
                lanes[job.lane] = job
        return min(lanes.values(), key=lambda job: (job.place, job.lane.encode()), default=None)

    def waiting(self, queue: str) -> list[Job]:
        return [job for job in self.jobs.values() if job.order == "lane" and job.queue == queue]

    def claim(self, holder: str, queue: str, known: Collection[str]) -> Job | None:
        """The holder has nothing, and takes the next job that is still wanted."""
        self.has_only(holder, None)
        while (job := self.first(queue, known)) and job.expired:
            self.end(job, State.REVOKED)
        if job is not None:
            job.state, job.order = State.STARTED, "started"
            job.attempt += 1
            self.held[holder] = job
        return job

    def has_only(self, holder: str, job: Job | None) -> None:
        """What a holder was given and does not know of goes back, and nobody is to blame."""
        held = self.held.get(holder)
        if held is not None and held is not job:
            del self.held[holder]
            self.make_ready(held, held.created)

    def let_go(self, job: Job) -> None:
        self.held = {holder: held for holder, held in self.held.items() if held is not job}

    def retry(self, job: Job, *, later: bool, arguments: str) -> None:
        self.let_go(job)
        job.retries += 1
        job.arguments = arguments or job.arguments
        if later:
            job.state, job.order = State.RETRY, "retry"
        else:
            self.make_ready(job, job.created)

    def hand_back(self, job: Job) -> None:
        self.let_go(job)
        job.attempt -= 1
        self.make_ready(job, job.created)

    def end(self, job: Job, state: State) -> None:
        self.let_go(job)
        job.state, job.order = state, state.lower()
        self.leftovers.discard((job.id, job.queue, job.order))

    def release(self, holder: str) -> bool:
        """True where it held a job."""
        job = self.held.pop(holder, None)
        if job is None:
            return False
        job.lost += 1
        if job.lost >= LOST_LIMIT:
            self.end(job, State.FAILURE)
        else:
            self.make_ready(job, job.created)
        return True

    def tick(self) -> None:
        """What is due becomes ready; what is past its retention is forgotten."""
        for job in self.jobs.values():
            if job.order in {"scheduled", "retry"} and job.due:
                self.make_ready(job, job.due)
                job.due = 0
        for job_id in self.trimmable:
            del self.jobs[job_id]
        self.trimmable.clear()
        self.leftovers.clear()

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
