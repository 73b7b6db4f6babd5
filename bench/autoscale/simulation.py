"""A day of one strategy, from event to event."""

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.autoscale.day import Day
from bench.autoscale.demand import by_cpu, by_load
from bench.autoscale.fleet import Cluster, Fleet, Pod
from bench.autoscale.hpa import Autoscaler
from bench.autoscale.strategies import Strategy

SYNC_SECONDS = 15
"""Between two decisions of the autoscaler."""
LOOK_SECONDS, FIRST_LOOK = 15, 7.5
"""Between two looks of metrics-server. They fall between the decisions, so what an autoscaler sees was used
7.5 to 22.5 seconds before."""
WATCHED_DECISIONS = 120
"""How many there are from one report to the next."""
ENDS, READY, COMES, LOOKS, DECIDES = range(5)
"""What comes first at the same instant."""

type Watch = Callable[[int], None]
"""How many jobs have ended."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """How it stood when the autoscaler decided, after its decision."""

    at: float
    waiting: int
    pods: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a strategy did with a day."""

    strategy: Strategy
    waits: Sequence[float]
    """Seconds from each job's submit to its start, in the day's order."""
    samples: Sequence[Sample]
    ended: float
    """When the day was over and all jobs had ended."""
    pod_seconds: float
    busy_share: float
    """Of the slots' time."""
    ups: int
    downs: int
    asked_busy: int
    """Jobs that ran in a pod when it was told to go."""
    cut_off: int
    """Those of them that ran on for longer than the pool lets them."""


class Simulation:
    """One run; `run` it once."""

    def __init__(self, day: Day, strategy: Strategy, cluster: Cluster, cpu_share: float) -> None:
        self._day, self._strategy, self._cpu_share = day, strategy, cpu_share
        pool = strategy.pool
        self._fleet = Fleet(
            cluster, strategy.size, concurrency=pool.concurrency, patience=pool.shutdown_seconds
        )
        self._scaler = Autoscaler(pool.behavior, least=pool.least, most=pool.most)
        self._events: list[tuple[float, int, int, Callable[[Any], None], Any]] = []
        self._planned = 0
        self._now = 0.0
        self._waiting: deque[int] = deque()
        self._waits = [-1.0] * len(day.submitted)
        self._left = len(day.submitted)
        self._running = self._ups = self._downs = self._asked = 0
        self._samples: list[Sample] = []

    def run(self, watch: Watch) -> Outcome:
        """Let the day pass, and what follows it until the last job has ended."""
        if self._left:
            self._plan(self._day.submitted[0], COMES, self._comes, 0)
        self._plan(SYNC_SECONDS, DECIDES, self._decides, watch)
        if self._strategy.by == "cpu":
            self._plan(FIRST_LOOK, LOOKS, self._looks, None)
        while self._events:
            self._now, _, _, happens, with_this = heapq.heappop(self._events)
            happens(with_this)
        pod_seconds = self._fleet.seconds(self._now)
        return Outcome(
            strategy=self._strategy, waits=self._waits, samples=self._samples, ended=self._now,
            pod_seconds=pod_seconds,
            busy_share=self._day.work / (pod_seconds * self._strategy.pool.concurrency),
            ups=self._ups, downs=self._downs, asked_busy=self._asked,
            cut_off=self._fleet.cut_off,
        )  # fmt: skip

    def _plan(self, at: float, rank: int, happens: Callable[[Any], None], with_this: Any) -> None:
        self._planned += 1
        heapq.heappush(self._events, (at, rank, self._planned, happens, with_this))

    def _goes_on(self, at: float) -> bool:
        return self._left > 0 or at <= self._day.seconds

    def _comes(self, job: int) -> None:
        if job + 1 < len(self._waits):
            self._plan(self._day.submitted[job + 1], COMES, self._comes, job + 1)
        self._waiting.append(job)
        self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and (pod := self._fleet.borrow(self._now)):
            job = self._waiting.popleft()
            self._waits[job] = self._now - self._day.submitted[job]
            self._running += 1
            self._plan(self._now + self._day.durations[job], ENDS, self._ends, pod)

    def _ends(self, pod: Pod) -> None:
        self._left -= 1
        self._running -= 1
        self._fleet.give_back(self._now, pod)
        self._hand_out()

    def _is_ready(self, pod: Pod) -> None:
        self._fleet.open(pod)
        self._hand_out()

    def _looks(self, _: None) -> None:
        self._fleet.look(self._now, LOOK_SECONDS)
        if self._goes_on(self._now + LOOK_SECONDS):
            self._plan(self._now + LOOK_SECONDS, LOOKS, self._looks, None)

    def _decides(self, watch: Watch) -> None:
        if self._strategy.by != "nothing":
            self._scale()
        self._samples.append(Sample(at=self._now, waiting=len(self._waiting), pods=self._fleet.there))
        if len(self._samples) % WATCHED_DECISIONS == 0:
            watch(len(self._waits) - self._left)
        if self._goes_on(self._now + SYNC_SECONDS):
            self._plan(self._now + SYNC_SECONDS, DECIDES, self._decides, watch)

    def _scale(self) -> None:
        current = len(self._fleet.pods)
        decided = self._scaler.decide(self._now, current, self._wanted(current))
        if decided > current:
            self._ups += 1
            for _ in range(decided - current):
                pod = self._fleet.add(self._now)
                self._plan(pod.ready, READY, self._is_ready, pod)
        elif decided < current:
            self._downs += 1
            self._asked += self._fleet.end(self._now, current - decided)

    def _wanted(self, current: int) -> int | None:
        pool = self._strategy.pool
        if self._strategy.by == "load":
            return by_load(len(self._waiting) + self._running, pool.target, current, pool.behavior)
        if pool.cpu_request is None:
            return None
        seen = self._fleet.seen(self._now, self._cpu_share * 1000)
        return by_cpu(seen, pool.cpu_request, pool.cpu_target, current, pool.behavior)
