"""What is compared: autoscalers, and pools that stay as they are."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.autoscale.day import Day
from bench.autoscale.values import AIM, Pool


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """One way to size a pool."""

    name: str
    pool: Pool
    by: Literal["load", "cpu", "nothing"]
    size: int
    """Pods at the day's start."""


def strategies(day: Day, pools: Sequence[Pool]) -> list[Strategy]:
    """Each pool by its backlog; the last also by CPU, and fixed at its least, its most and in between."""
    last = pools[-1]
    names = [pool.name if [each.name for each in pools].count(pool.name) == 1 else f"{pool.name} {place}"
             for place, pool in enumerate(pools, 1)]  # fmt: skip
    found = [
        Strategy(name=f"backlog, {name}", pool=pool, by="load", size=pool.least)
        for name, pool in zip(names, pools, strict=True)
    ]
    if last.cpu_request is not None:
        found.append(Strategy(name=f"CPU, {last.cpu_target} %", pool=last, by="cpu", size=last.least))
    return [*found, *_fixed(day, last)]


def _fixed(day: Day, pool: Pool) -> Iterator[Strategy]:
    sizes = {"least": pool.least, "mean": mean_size(day, pool), "most": pool.most}
    for size in sorted(set(sizes.values())):
        name = " and ".join(name for name, its in sizes.items() if its == size)
        yield Strategy(name=f"fixed, {name}: {size}", pool=pool, by="nothing", size=size)


def mean_size(day: Day, pool: Pool) -> int:
    """Pods that would do if the day's jobs came evenly, as busy as an autoscaler aims at."""
    return max(1, math.ceil(day.work / day.seconds / (pool.concurrency * AIM)))
