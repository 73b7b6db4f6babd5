"""What the witness tells of one job's attempts, held against what was done to their processes.

An attempt is overtaken when the job's next attempt, with a higher token, begins. That is right where
the first had ended or its process was killed. It is expected of a worker that fell silent for a whole
lease: the first attempt is fenced then, and its outcome refused. Anything else is a job that was run
twice while a lease was held.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise

from jobs.chaos.plan import LEASE, RENEW_EVERY
from jobs.chaos.strikes import Strike
from jobs.chaos.witness import Effect

LONG = (LEASE - RENEW_EVERY * 1.5) // timedelta(microseconds=1) * 1000
"""Nanoseconds of silence after which a lease may run out: it had not been renewed just before."""
DYING = timedelta(seconds=0.5) // timedelta(microseconds=1) * 1000
"""Nanoseconds that a process may still run after the kill of its worker's main process."""
SPARE = LEASE * 4 // timedelta(microseconds=1) * 1000
"""Nanoseconds that may lie between what the witness heard of an attempt and what the ledger did: a finish
goes on trying for as long as Redis is away."""


class Overtaken(StrEnum):
    """Why an attempt was not its job's last."""

    RETRIED = "retried"
    CUT_OFF = "cut off"
    """Killed in the middle; the job ran again."""
    UNRECORDED = "unrecorded"
    """Killed between its effect and the record of its end; the job ran again."""
    FENCED = "fenced"
    """Its worker fell silent for a lease; the attempt went on beside the next, or after it."""
    DOUBLED = "doubled"
    """Its lease was held, and the job was given out again."""


class Judge:
    """Knows what was done to which process."""

    def __init__(self, strikes: Iterable[Strike]) -> None:
        self._strikes: dict[int, list[Strike]] = defaultdict(list)
        for strike in strikes:
            self._strikes[strike.pid].append(strike)

    def count(self, attempts: Sequence[Effect]) -> Counter[Overtaken]:
        """How often each was why one of a job's attempts was overtaken."""
        ordered = sorted(attempts, key=lambda effect: (effect.token, effect.began))
        return Counter(self._why(effect, after) for effect, after in pairwise(ordered))

    def killed(self, effect: Effect) -> int | None:
        """When the attempt's process was killed; None where it was not."""
        kills = (each.at for each in self._of(effect) if each.fatal and each.at >= effect.began - DYING)
        first = min(kills, default=None)
        return None if first is None else max(first, effect.began)

    def recoveries(self, attempts: Sequence[Effect]) -> list[float]:
        """For each attempt that was cut off, the seconds from the kill to the next."""
        ordered = sorted(attempts, key=lambda effect: (effect.token, effect.began))
        found = []
        for effect, after in pairwise(ordered):
            killed = self.killed(effect)
            if effect.ended is None and killed is not None and killed <= after.began:
                found.append((after.began - killed) / 1e9)
        return found

    def was_silent(self, effect: Effect) -> bool:
        """Whether its worker was silent just before it began: it may have been claimed long before."""
        return any(
            each.at <= effect.began and (each.until is None or each.until >= effect.began - SPARE)
            for each in self._of(effect)
            if not each.fatal
        )

    def may_be_unheard(self, effect: Effect) -> bool:
        """Whether the ledger may not have heard how it ended: it did not, or was struck about then."""
        return effect.ended is None or any(
            each.at <= effect.ended + SPARE
            and (
                each.at >= effect.began - DYING
                if each.fatal
                else (each.until or each.at) >= effect.began - SPARE
            )
            for each in self._of(effect)
        )

    def _why(self, effect: Effect, after: Effect) -> Overtaken:
        killed = self.killed(effect)
        ends = [at for at in (effect.ended, killed) if at is not None]
        if effect.token == after.token:
            return Overtaken.DOUBLED
        if ends and min(ends) <= after.began:
            if effect.failed:
                return Overtaken.RETRIED
            if effect.ended is None:
                return Overtaken.CUT_OFF
            if killed is not None and killed <= after.began:
                return Overtaken.UNRECORDED
        return Overtaken.FENCED if self._silenced(effect, after) else Overtaken.DOUBLED

    def _silenced(self, effect: Effect, after: Effect) -> bool:
        """Whether its worker fell silent for about a lease while it ran, or just before or after."""
        return any(
            each.at <= after.began
            and (each.until is None or (each.until - each.at >= LONG and each.until >= effect.began - SPARE))
            and (effect.ended is None or effect.ended >= each.at - SPARE)
            for each in self._of(effect)
            if not each.fatal
        )

    def _of(self, effect: Effect) -> list[Strike]:
        return self._strikes.get(effect.pid, []) + self._strikes.get(effect.main_pid, [])
