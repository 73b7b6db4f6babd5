"""The kinds of jobs that a run submits, in what shares, and how each may end."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

from jobs.ledger import State

SHARES = {"quick": 60, "urgent": 6, "slow": 6, "failing": 10, "doomed": 4, "delayed": 10, "cancelled": 4}
"""Of a hundred jobs."""
ENDS = {
    "doomed": frozenset({State.FAILURE}),
    "cancelled": frozenset({State.SUCCESS, State.REVOKED}),
}
"""How a kind may end; every other only in SUCCESS."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A job that is to be submitted."""

    serial: int
    kind: str
    task: str
    arguments: dict[str, Any] = field(default_factory=dict)
    delay: timedelta = timedelta(0)
    cancel_after: timedelta | None = None
    """How long after its submit it is to be cancelled; None for not."""

    @property
    def path(self) -> str:
        """Where it is submitted."""
        query = f"?delay={self.delay.total_seconds()}" if self.delay else ""
        return f"/api/tasks/{self.task}/{query}"

    @property
    def ends(self) -> frozenset[State]:
        """The states that it may end in."""
        return ENDS.get(self.kind, frozenset({State.SUCCESS}))


def plan_jobs(run: str, jobs: int, seed: int) -> Iterator[Planned]:
    """The jobs of a run, the same for the same seed."""
    chance = Random(f"{seed} jobs")
    kinds = chance.choices(list(SHARES), list(SHARES.values()), k=jobs)
    for serial, kind in enumerate(kinds):
        yield _planned(serial, kind, {"run": run, "serial": serial}, chance)


def _planned(serial: int, kind: str, known: dict[str, Any], chance: Random) -> Planned:
    match kind:
        case "slow" | "cancelled":
            arguments = {**known, "milliseconds": chance.randint(200, 2000)}
            cancel = timedelta(seconds=chance.uniform(0, 2)) if kind == "cancelled" else None
            return Planned(
                serial=serial, kind=kind, task="chaos.slow", arguments=arguments, cancel_after=cancel
            )
        case "failing":
            arguments = {**known, "failures": chance.randint(1, 3)}
            return Planned(serial=serial, kind=kind, task="chaos.failing", arguments=arguments)
        case "delayed":
            delay = timedelta(seconds=chance.uniform(0.5, 5))
            return Planned(serial=serial, kind=kind, task="chaos.quick", arguments=known, delay=delay)
        case _:
            return Planned(serial=serial, kind=kind, task=f"chaos.{kind}", arguments=known)
