"""Which faults a run has, in what order, and when the next is due."""

import threading
import time
from collections.abc import Callable, Mapping
from random import Random

from jobs.chaos.plan import CannotRun, Plan
from jobs.chaos.strikes import Strikes

KILLS = {
    "pool process killed": 55, "worker killed": 18, "API process killed": 15, "API killed": 9,
    "all at once killed": 3,
}  # fmt: skip
"""Of a hundred kills."""
BESIDE = {
    "pool process frozen": 12, "worker frozen": 15, "API frozen": 25, "Redis frozen": 50,
    "worker stopped": 20, "worker cut off": 60, "replies cut": 12,
}  # fmt: skip
"""One of these comes with so many kills, and at least one of each."""
DONE_SHARE = 0.95
"""By the time so much of the jobs has ended, all faults are done."""
PATIENCE_SECONDS = 3.0
"""How long a fault waits for jobs to end: it may be due to a fault that none does."""
TARGET_SECONDS = 60.0
"""How long a fault waits for what it is to strike."""


def schedule(plan: Plan) -> list[str]:
    """The faults of a run, the same for the same seed."""
    chance = Random(f"{plan.seed} schedule")
    faults = chance.choices(list(KILLS), list(KILLS.values()), k=plan.kills)
    faults += ["Redis killed"] * plan.redis_restarts
    if plan.kills:
        faults += [name for name, every in BESIDE.items() for _ in range(max(1, plan.kills // every))]
        faults.append("Redis away")
    chance.shuffle(faults)
    return faults


class Storm(threading.Thread):
    """Does the faults, spread over the time in which jobs end."""

    def __init__(
        self, plan: Plan, faults: Mapping[str, Callable[[], bool]], ended: Callable[[], int], strikes: Strikes
    ) -> None:
        super().__init__(name="storm", daemon=True)
        self.planned = schedule(plan)
        self.over = threading.Event()
        self.fault: BaseException | None = None
        """What stopped it early."""
        self._faults = faults
        self._ended = ended
        self._strikes = strikes
        self._every = plan.jobs * DONE_SHARE / max(1, len(self.planned))
        self._chance = Random(f"{plan.seed} pace")

    def run(self) -> None:
        try:
            for number, name in enumerate(self.planned, start=1):
                if not self._wait(int(number * self._every)):
                    return
                self._do(name)
        except Exception as error:  # noqa: BLE001 - the run ends with it
            self.fault = error
        finally:
            self.over.set()

    def _wait(self, due: int) -> bool:
        """Wait until so many jobs have ended, or too long none did; False when the run is over."""
        until = time.monotonic() + PATIENCE_SECONDS
        if self.over.wait(self._chance.uniform(0, 0.2)):
            return False
        while self._ended() < due and time.monotonic() < until:
            if self.over.wait(0.02):
                return False
        return True

    def _do(self, name: str) -> None:
        until = time.monotonic() + TARGET_SECONDS
        while not self._faults[name]():
            if time.monotonic() > until:
                raise CannotRun(f"{name}: there was none for {TARGET_SECONDS:.0f} s")
            if self.over.wait(0.02):
                return
        self._strikes.count(name)
