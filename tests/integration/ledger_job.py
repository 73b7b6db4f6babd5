"""One job of the model."""

from dataclasses import dataclass

from jobs.ledger import Claimed, State, Unique

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
    expires: bool = False
    """At some instant, past or to come."""
    unique: Unique | None = None
    objective: bool = False
    """It has one, and was not held against it yet."""
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
