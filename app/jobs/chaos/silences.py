"""Faults that pass: processes that stand still, Redis away, a worker cut off, replies that are lost."""

import os
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from random import Random

from jobs.chaos.plan import LEASE
from jobs.chaos.processes import Fleet
from jobs.chaos.proxy import CuttingProxy
from jobs.chaos.strikes import Strikes, now

STORM_SHARE, CALM_SHARE = 0.2, 0.001
"""The share of the replies through a proxy that is lost, in a storm and at all other times."""

type Send = Callable[[int, int], None]


class Silences:
    """Each gives False where what it is to strike is not there just now. Each undoes itself in time."""

    def __init__(
        self, fleet: Fleet, proxies: Mapping[str, CuttingProxy], strikes: Strikes, chance: Random
    ) -> None:
        self._fleet = fleet
        self._proxies = proxies
        self._strikes = strikes
        self._chance = chance
        self._undoing: list[_Undo] = []
        self.all: dict[str, Callable[[], bool]] = {
            "pool process frozen": self._freeze_pool_process,
            "worker frozen": self._freeze_worker,
            "API frozen": self._freeze_api,
            "Redis frozen": lambda: self._freeze_redis(self._some(timedelta(seconds=2))),
            "Redis away": lambda: self._freeze_redis(LEASE * 2),
            "worker cut off": self._cut_worker_off,
            "replies cut": self._drop_replies,
        }

    def begin(self) -> None:
        """From now on replies are lost now and then."""
        self._cut(CALM_SHARE)

    def end(self) -> None:
        """Undo all that is not undone yet."""
        for undo in self._undoing:
            undo.now()
        self._cut(0)

    def _freeze_pool_process(self) -> bool:
        """At times for longer than a lease, which its worker keeps for it."""
        worker = self._fleet.any("worker", self._chance)
        if worker is None or not (children := worker.children()):
            return False
        return self._freeze(_to_process, self._chance.choice(children), self._some(LEASE * 1.6))

    def _freeze_worker(self) -> bool:
        """All of it, or its main process alone.

        After a lease it is believed dead; it comes back, and what it then says of its jobs must be refused.
        """
        worker = self._fleet.any("worker", self._chance)
        if worker is None or (pid := worker.pid) is None:
            return False
        send = _to_group if self._chance.random() < 0.5 else _to_process
        strike = self._strikes.add("worker frozen", pid, now(), fatal=False)
        return self._freeze(send, pid, self._some(LEASE * 2), then=strike.end)

    def _freeze_api(self) -> bool:
        api = self._fleet.any("api", self._chance)
        if api is None or (pid := api.pid) is None:
            return False
        return self._freeze(_to_group, pid, self._some(LEASE))

    def _freeze_redis(self, duration: timedelta) -> bool:
        """It takes connections and answers nothing."""
        redis = self._fleet.any("redis", self._chance)
        if redis is None or (pid := redis.pid) is None:
            return False
        return self._freeze(_to_process, pid, duration)

    def _cut_worker_off(self) -> bool:
        """Nothing passes between a worker and Redis for longer than a lease."""
        name = self._chance.choice([name for name in self._proxies if name.startswith("worker")])
        proxy, worker = self._proxies[name], self._fleet.named(name)[0]
        if (pid := worker.pid) is None:
            return False
        strike = self._strikes.add("worker cut off", pid, now(), fatal=False)
        proxy.hold()

        def mend() -> None:
            proxy.flow()
            strike.end()

        return self._undo(LEASE * 1.5, mend)

    def _drop_replies(self) -> bool:
        """A share of the replies that pass a proxy is lost, after their scripts ran."""
        self._cut(STORM_SHARE)
        return self._undo(self._some(timedelta(seconds=3)), lambda: self._cut(CALM_SHARE))

    def _some(self, longest: timedelta) -> timedelta:
        return longest * self._chance.uniform(0.1, 1)

    def _freeze(
        self, send: Send, pid: int, duration: timedelta, *, then: Callable[[], None] | None = None
    ) -> bool:
        send(pid, signal.SIGSTOP)

        def thaw() -> None:
            send(pid, signal.SIGCONT)
            if then:
                then()

        return self._undo(duration, thaw)

    def _undo(self, after: timedelta, function: Callable[[], None]) -> bool:
        self._undoing.append(_Undo(after, function))
        return True

    def _cut(self, share: float) -> None:
        for proxy in self._proxies.values():
            proxy.cut_share = share


class _Undo:
    """Undoes something once: in time, or when it is told to."""

    def __init__(self, after: timedelta, function: Callable[[], None]) -> None:
        self._function: Callable[[], None] | None = function
        self._lock = threading.Lock()
        timer = threading.Timer(after.total_seconds(), self.now)
        timer.daemon = True
        timer.start()

    def now(self) -> None:
        with self._lock:
            if self._function is not None:
                self._function()
                self._function = None


def _to_process(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _to_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)
