"""The jobs of a day: made from a seed, or read from a file."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random

from bench.autoscale.behavior import WrongValue

DAY, HOUR, MINUTE = 86_400, 3_600, 60
BUSIEST_HOUR = 14
QUIET = 0.05
"""Of what the hour would have else."""
P99 = 2.3263
"""Standard deviations above the median, of a normal distribution."""


@dataclass(frozen=True, kw_only=True)
class Day:
    """Jobs in the order of their submits."""

    submitted: Sequence[float]
    durations: Sequence[float]
    seconds: int
    """How long it is; jobs may end later."""

    @property
    def work(self) -> float:
        """Seconds that a slot needs for all of them."""
        return math.fsum(self.durations)


@dataclass(frozen=True, kw_only=True)
class Weather:
    """What a day that is made is like."""

    jobs: int = 100_000
    median: float = 3.0
    p99: float = 45.0
    """Seconds that a job runs: half run shorter than the median, 99 of 100 shorter than this."""
    swing: float = 0.7
    """How much more than the average comes in the busiest hour, and less in the stillest."""
    quiet: tuple[float, float] | None = (1.0, 5.0)
    """Hours between which hardly anything comes."""
    bursts: int = 20
    burst_share: float = 0.2
    """Of all jobs: what comes in bursts."""
    burst_seconds: float = 60.0


def made(weather: Weather, seed: int) -> Day:
    """A day: a curve with its top in the afternoon, bursts at random times, log-normal durations."""
    random = Random(seed)
    minutes = _curve(weather)
    in_bursts = round(weather.jobs * weather.burst_share) if weather.bursts else 0
    submitted = _spread(random, minutes, weather.jobs - in_bursts)
    starts = _spread(random, minutes, weather.bursts)
    sizes = list(accumulate(random.expovariate() for _ in starts))
    for start in random.choices(starts, cum_weights=sizes, k=in_bursts) if in_bursts else ():
        submitted.append(min(start + random.uniform(0, weather.burst_seconds), DAY))
    spread = math.log(weather.p99 / weather.median) / P99
    return Day(
        submitted=sorted(submitted), seconds=DAY,
        durations=[weather.median * math.exp(random.gauss(0, spread)) for _ in submitted],
    )  # fmt: skip


def _curve(weather: Weather) -> list[float]:
    """How much comes in each minute up to its end, of the whole."""
    return list(accumulate(_rate(weather, minute / 60) for minute in range(DAY // MINUTE)))


def _rate(weather: Weather, hour: float) -> float:
    rate = 1 + weather.swing * math.cos((hour - BUSIEST_HOUR) / 24 * math.tau)
    if weather.quiet and weather.quiet[0] <= hour < weather.quiet[1]:
        rate *= QUIET
    return rate


def _spread(random: Random, minutes: Sequence[float], number: int) -> list[float]:
    chosen = random.choices(range(len(minutes)), cum_weights=minutes, k=number)
    return [(minute + random.random()) * MINUTE for minute in chosen]


def read(path: Path) -> Day:
    """A day from a file of `seconds,duration`: when each job came, and how long it ran.

    Days before that of the first job are left out.

    Raises:
        WrongValue: it cannot be read, or a line of it.
    """
    try:
        with path.open(newline="") as file:
            found = [
                _job(path, number, row)
                for number, row in enumerate(csv.reader(file), 1)
                if _told(number, row)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WrongValue(f"{path}: cannot be read: {_why(error)}") from None
    if not found:
        raise WrongValue(f"{path}: has no jobs")
    found.sort()
    midnight = found[0][0] // DAY * DAY
    last = found[-1][0] - midnight
    return Day(
        submitted=[at - midnight for at, _ in found], durations=[duration for _, duration in found],
        seconds=max(HOUR, math.ceil(last / HOUR) * HOUR),
    )  # fmt: skip


def _why(error: Exception) -> str:
    """Without the path, which is told already."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _told(number: int, row: Sequence[str]) -> bool:
    """Whether a line is a job: neither empty nor the head."""
    return bool(row) and not (number == 1 and row[0].strip() == "seconds")


def _job(path: Path, number: int, row: Sequence[str]) -> tuple[float, float]:
    try:
        at, duration = map(float, row)
    except ValueError:
        at = duration = math.nan
    if not (0 <= at < math.inf and 0 <= duration < math.inf):
        raise WrongValue(
            f"{path}, line {number}: {','.join(row)!r} is not `seconds,duration`, two numbers from 0"
        )
    return at, duration
