"""What ends the run's processes: SIGKILL, for one or for all at once, and SIGTERM for a worker."""

import os
import signal
from collections.abc import Callable
from random import Random

from jobs.chaos.processes import Fleet, Member
from jobs.chaos.strikes import Strikes, now

STOPPED = "worker stopped"
POOL_PROCESS = "pool process killed"

type Kill = Callable[[], bool]


class Kills:
    """Each kill gives False where what it is to strike is not there just now."""

    def __init__(self, fleet: Fleet, strikes: Strikes, chance: Random) -> None:
        self._fleet = fleet
        self._strikes = strikes
        self._chance = chance
        self._stopping: set[int] = set()
        """Workers that were told to stop."""
        self.all: dict[str, Kill] = {
            POOL_PROCESS: self._pool_process,
            "worker killed": self._worker,
            "API process killed": self._api_process,
            "API killed": self._api,
            "all at once killed": self._all_at_once,
            "Redis killed": self._redis,
            STOPPED: self._stop_worker,
        }

    def _pool_process(self) -> bool:
        return self._kill_one(self._fleet.any("worker", self._chance), POOL_PROCESS)

    def _worker(self) -> bool:
        """Its main process alone, which its pool must not outlive, or all of it."""
        worker = self._fleet.any("worker", self._chance)
        return self._kill(worker, "worker killed", whole=self._chance.random() < 0.5)

    def _api_process(self) -> bool:
        return self._kill_one(self._fleet.any("api", self._chance), "API process killed")

    def _api(self) -> bool:
        return self._kill(self._fleet.any("api", self._chance), "API killed", whole=True)

    def _all_at_once(self) -> bool:
        """Whoever is the next to tick is among them: workers and APIs tick, nobody else does."""
        members = [*self._fleet.named("worker"), *self._fleet.named("api")]
        struck = [self._kill(member, "all at once killed", whole=True) for member in members]
        return any(struck)

    def _redis(self) -> bool:
        return self._kill(self._fleet.any("redis", self._chance), "Redis killed", whole=True)

    def _stop_worker(self) -> bool:
        """SIGTERM, as a rolling update sends it: it finishes what it runs, and goes.

        Told so again, it hands back what runs, and ends it by force.
        """
        at, worker = now(), self._fleet.any("worker", self._chance)
        pid = worker.send(signal.SIGTERM, whole=False) if worker else None
        if pid is None:
            return False
        again = pid in self._stopping
        self._stopping.add(pid)
        strike = self._strikes.add(STOPPED, pid, at, fatal=again)
        if not again:
            strike.end()
        return True

    def _kill_one(self, member: Member | None, fault: str) -> bool:
        """One of the processes that it forked."""
        if member is None or (main_pid := member.pid) is None or not (pids := member.children()):
            return False
        pid, at = self._chance.choice(pids), now()
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self._strikes.add(fault, pid, at, main_pid=main_pid)
        return True

    def _kill(self, member: Member | None, fault: str, *, whole: bool) -> bool:
        at = now()
        pid = member.send(signal.SIGKILL, whole=whole) if member else None
        if pid is None:
            return False
        self._strikes.add(fault, pid, at)
        return True
