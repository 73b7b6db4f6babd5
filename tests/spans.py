"""When jobs began and ended, as the probes of `tests.probes.limited` write it."""

from dataclasses import dataclass
from pathlib import Path

from tests.workers import lines


@dataclass(frozen=True, kw_only=True)
class Span:
    """One run of a job, by the machine's monotonic clock, in seconds."""

    name: str
    began: float
    ended: float


def spans(file: Path, name: str | None = None) -> list[Span]:
    """The runs that have ended, in the order in which they began; of one name where it is given."""
    found = [line.split() for line in lines(file)]
    runs = [Span(name=told, began=float(began), ended=float(ended)) for told, began, ended in found]
    return sorted((run for run in runs if name in {None, run.name}), key=lambda run: run.began)


def most_at_once(runs: list[Span]) -> int:
    """How many of these ran at the same time, at the most."""
    changes = sorted([(run.began, 1) for run in runs] + [(run.ended, -1) for run in runs])
    running = most = 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return most


def starts_within(runs: list[Span], after: float, seconds: float) -> int:
    """How many began in some seconds, counted from `after` the first began."""
    first = runs[0].began + after
    return sum(first <= run.began < first + seconds for run in runs)
