"""Limits on how many jobs run or start, as `@task` and the settings spell them. Knows nothing else."""

import re
from dataclasses import dataclass
from datetime import timedelta

UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
_RATE = re.compile(r"(\d+)\s*/\s*([smh])")


@dataclass(frozen=True, kw_only=True)
class Rate:
    """So many starts in so much time, for the whole cluster: a token bucket that holds one second's."""

    count: int
    per: timedelta

    @classmethod
    def parse(cls, text: str) -> "Rate":
        """Read `10/s`, `100/m` or `5/h`.

        Raises:
            ValueError: it is none of these, its count is not positive, or it is more than one a microsecond.
        """
        found = _RATE.fullmatch(text.strip())
        if found is None or int(found[1]) < 1:
            raise ValueError(f"a rate is written as 10/s, 100/m or 5/h, not {text!r}")
        rate = cls(count=int(found[1]), per=UNITS[found[2]])
        if rate.count * timedelta(microseconds=1) > rate.per:
            raise ValueError(f"a rate is at most 1000000/s, not {text!r}: leave it out")
        return rate

    @property
    def interval(self) -> timedelta:
        """The time between two starts."""
        return self.per / self.count

    @property
    def burst(self) -> int:
        """Starts that may come at once after a pause."""
        return max(1, round(timedelta(seconds=1) / self.interval))


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What holds for a task, or for each of its keys; None for no limit."""

    max_running: int | None = None
    rate: Rate | None = None

    def packed(self) -> str:
        """As the ledger's scripts read it: how many may run, us between two starts, starts at once."""
        most = "" if self.max_running is None else str(self.max_running)
        if self.rate is None:
            return f"{most},,"
        return f"{most},{self.rate.interval // timedelta(microseconds=1)},{self.rate.burst}"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """All that limits a task, over all queues and workers."""

    task: Limit = Limit()
    each_key: Limit = Limit()

    def packed(self) -> str:
        """Both for the ledger's scripts; '' where nothing is limited."""
        return "" if self == Limits() else f"{self.task.packed()},{self.each_key.packed()}"
