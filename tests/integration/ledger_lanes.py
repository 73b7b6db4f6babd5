"""The order of the model's ready jobs: lanes, turns, and what stops which."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from jobs.ledger import State
from jobs.limits import Limit, Limits
from tests.integration.ledger_job import AGEING_US, Job


@dataclass
class Lanes:
    """All jobs, and whose turn it is."""

    limits: Mapping[str, Limits]
    max_running: Mapping[str, int]
    """By queue."""
    jobs: dict[str, Job] = field(default_factory=dict)
    held: dict[str, Job] = field(default_factory=dict)
    """By holder; at most one each."""
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

    @staticmethod
    def _rank(job: Job) -> tuple[int, bytes]:
        return job.place, job.id.encode()
