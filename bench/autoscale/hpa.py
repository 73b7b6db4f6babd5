"""The HorizontalPodAutoscaler's decisions: from how many pods a metric wants to how many there shall be.

As Kubernetes' controller makes them: first what the stabilization windows let through of what was wanted
lately, then what the policies let through of that, by what was changed lately.
"""

import math
from collections import deque
from collections.abc import Iterator

from bench.autoscale.behavior import Behavior, Policy, Rules


class Autoscaler:
    """The memory of one autoscaler, and its decisions."""

    def __init__(self, behavior: Behavior, *, least: int, most: int) -> None:
        self.behavior = behavior
        self._least, self._most = least, most
        self._wanted: deque[tuple[float, int]] = deque()
        self._changes: deque[tuple[float, int]] = deque()
        rules = behavior.up, behavior.down
        self._longest_window = max(each.window for each in rules)
        self._longest_period = max((policy.period for each in rules for policy in each.policies), default=0)

    def decide(self, now: float, current: int, wanted: int | None) -> int:
        """How many pods there shall be; None: the metric cannot be had."""
        if not self._wanted:
            self._wanted.append((now, current))
        if current > self._most:
            decided = self._most
        elif current < self._least:
            decided = self._least
        elif wanted is None:
            decided = current
        else:
            decided = self._at_speed(now, current, self._steady(now, current, wanted))
        if decided != current:
            _forget(self._changes, now - self._longest_period)
            self._changes.append((now, decided - current))
        return decided

    def _steady(self, now: float, current: int, wanted: int) -> int:
        """Up to the least that was wanted in the upward window, down to the most in the other."""
        lowest = min([wanted, *_since(self._wanted, now - self.behavior.up.window)])
        highest = max([wanted, *_since(self._wanted, now - self.behavior.down.window)])
        _forget(self._wanted, now - self._longest_window)
        self._wanted.append((now, wanted))
        return min(max(current, lowest), highest)

    def _at_speed(self, now: float, current: int, wanted: int) -> int:
        if wanted > current:
            return min(wanted, self._most, max(current, self._highest(now, current)))
        if wanted < current:
            return max(wanted, self._least, min(current, self._lowest(now, current)))
        return current

    def _highest(self, now: float, current: int) -> int:
        """As far up as the policies let it."""
        # Rounded up, so that a small percentage of few pods is one pod.
        limits = [
            start + policy.value if policy.kind == "Pods" else math.ceil(start * (1 + policy.value / 100))
            for policy, start in self._starts(now, current, self.behavior.up)
        ]
        match self.behavior.up.select:
            case "Max":
                return max(limits)
            case "Min":
                return min(limits)
            case "Disabled":
                return current

    def _lowest(self, now: float, current: int) -> int:
        """As far down as the policies let it; `Max` is the largest change here too."""
        limits = [
            start - policy.value if policy.kind == "Pods" else int(start * (1 - policy.value / 100))
            for policy, start in self._starts(now, current, self.behavior.down)
        ]
        match self.behavior.down.select:
            case "Max":
                return min(limits)
            case "Min":
                return max(limits)
            case "Disabled":
                return current

    def _starts(self, now: float, current: int, rules: Rules) -> Iterator[tuple[Policy, int]]:
        """Each policy, and how many pods there were when its period began."""
        for policy in rules.policies:
            yield policy, current - sum(_since(self._changes, now - policy.period))


def _since(log: deque[tuple[float, int]], start: float) -> Iterator[int]:
    """The numbers that were noted after an instant: one that is as old as the period is out of it."""
    return (number for at, number in log if at > start)


def _forget(log: deque[tuple[float, int]], before: float) -> None:
    while log and log[0][0] <= before:
        log.popleft()
