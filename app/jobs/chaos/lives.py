"""A job's life as the API tells it, attempt by attempt, held against what the witness saw of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.chaos.judge import Judge
from jobs.chaos.witness import Effect
from jobs.ledger import FINAL

PATH = "/api/jobs/{}/"
CUT_SHORT = frozenset({"LOST", "PENDING", "REVOKED"})
"""The outcomes of attempts that may have been cut off, or stopped, before their first line of code."""


@dataclass(frozen=True, kw_only=True)
class Life:
    """One job."""

    task: str
    state: str
    attempts: Sequence[tuple[int, str]]
    """Number and outcome of each, the oldest first: the last 20, as the API has no more."""
    stopped: bool
    """It was told to stop while it ran."""

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    @property
    def recovered(self) -> int:
        """How often it was made ready again after its attempt was lost."""
        lost = sum(outcome == "LOST" for _, outcome in self.attempts)
        ends_lost = self.stopped and self.attempts and self.attempts[-1][1] == "LOST"
        return lost - bool(ends_lost)

    def faults(self, effects: Sequence[Effect], judge: Judge) -> Iterator[str]:
        """Where the witness saw another life: attempts in place of others, too many, too few."""
        for number in sorted({number for number, _ in self.attempts} | {each.attempt for each in effects}):
            outcomes = [outcome for of, outcome in self.attempts if of == number]
            seen = sorted((each for each in effects if each.attempt == number), key=lambda each: each.token)
            # From the end: what was cut short and not seen came before what was handed out again.
            for outcome in reversed(outcomes):
                if seen and _is_so(outcome, seen[-1], judge):
                    seen.pop()
                elif outcome not in CUT_SHORT:
                    yield f"attempt {number} was {outcome}, which the witness did not see"
            for effect in seen:
                yield f"attempt {number} with token {effect.token} was seen, and is not told of"


def life_of(told: Mapping[str, Any]) -> Life:
    """A job as `GET /api/jobs/{task_id}/` tells it."""
    return Life(
        task=told["task"], state=told["status"], stopped=told["cancel_requested"],
        attempts=[(each["attempt"], each["outcome"]) for each in told["attempts"]],
    )  # fmt: skip


def _is_so(outcome: str, effect: Effect, judge: Judge) -> bool:
    """Whether an attempt that the witness saw so can have had this outcome."""
    match outcome:
        case "SUCCESS":
            return effect.ended is not None and not effect.failed
        case "FAILURE" | "RETRY":
            return effect.failed
        case "LOST" | "PENDING":
            return judge.may_be_unheard(effect)
        case _:
            return True
