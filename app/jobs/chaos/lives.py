"""A job's life as the API tells it, attempt by attempt, held against what the witness saw of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.chaos.judge import Judge
from jobs.chaos.witness import Effect
from jobs.ledger import FINAL

PATH = "/api/jobs/{}/"
TOLD = 20
"""Attempts that the API tells, beside one that runs or ended well."""
CUT_SHORT = frozenset({"LOST", "PENDING", "REVOKED"})
"""The outcomes of attempts that may have been cut off, or stopped, before their first line of code."""


@dataclass(frozen=True, kw_only=True)
class Life:
    """One job."""

    task: str
    state: str
    attempts: Sequence[tuple[int, str]]
    """Number and outcome of each, the oldest first: of those that did not end well the last `TOLD`."""
    stopped: bool
    """It was told to stop while it ran."""

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    @property
    def is_whole(self) -> bool:
        """Whether all of its attempts are told."""
        return len(self.attempts) < TOLD

    @property
    def recovered(self) -> int:
        """How often it was made ready again after its attempt was lost."""
        lost = sum(outcome == "LOST" for _, outcome in self.attempts)
        ends_lost = self.stopped and self.attempts and self.attempts[-1][1] == "LOST"
        return lost - bool(ends_lost)

    def faults(self, effects: Sequence[Effect], judge: Judge) -> Iterator[str]:
        """Where the witness saw another life: attempts in place of others, too many, too few."""
        yield from self._misnumbered()
        for number in sorted({number for number, _ in self.attempts} | {each.attempt for each in effects}):
            outcomes = [outcome for of, outcome in self.attempts if of == number]
            seen = sorted((each for each in effects if each.attempt == number), key=lambda each: each.token)
            # From the end: what was cut short and not seen came before what was handed out again.
            for outcome in reversed(outcomes):
                if seen and self._is_so(outcome, seen[-1], judge):
                    seen.pop()
                elif outcome not in CUT_SHORT:
                    yield f"attempt {number} was {outcome}, which the witness did not see"
            for effect in seen:
                yield f"attempt {number} with token {effect.token} was seen, and is not told of"

    def _misnumbered(self) -> Iterator[str]:
        """Each attempt has the number after the last, or that of one that was handed back."""
        right = 1
        for number, outcome in self.attempts:
            if number != right:
                yield f"attempt {number} came in the place of {right}"
            right = number + (outcome != "PENDING")

    def _is_so(self, outcome: str, effect: Effect, judge: Judge) -> bool:
        """Whether an attempt that the witness saw so can have had this outcome."""
        match outcome:
            case "SUCCESS":
                return effect.ended is not None and not effect.failed
            case "FAILURE" | "RETRY":
                return effect.failed
            case "LOST" | "PENDING":
                return judge.may_be_unheard(effect)
            case _:
                return self.stopped


def life_of(told: Mapping[str, Any]) -> Life:
    """A job as `GET /api/jobs/{task_id}/` tells it."""
    return Life(
        task=told["task"], state=told["status"], stopped=told["cancel_requested"],
        attempts=[(each["attempt"], each["outcome"]) for each in told["attempts"]],
    )  # fmt: skip
