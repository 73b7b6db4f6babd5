"""How many pods a metric wants: the load of a queue, and the use of the CPU.

As Kubernetes' replica calculator counts them, its integers and roundings included.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.autoscale.behavior import Behavior

WHOLE = 100
"""Percent of the request that a pod without a sample is taken to use, when the others use little."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is known of the pods that are not being ended."""

    used: Sequence[int]
    """Millicores of each pod whose sample counts."""
    unready: int = 0
    """Pods that have not started yet."""
    missing: int = 0
    """Pods that are ready, and of which there is no sample yet."""


def by_load(load: float, target: float, current: int, behavior: Behavior) -> int:
    """Pods for a load of which each shall have `target` on average (`External`, `AverageValue`)."""
    load_milli, target_milli = round(load * 1000), round(target * 1000)
    if _near(load_milli / (target_milli * current), behavior):
        return current
    return math.ceil(load_milli / target_milli)


def by_cpu(seen: Seen, request: int, target: int, current: int, behavior: Behavior) -> int | None:
    """Pods for a use of `target` percent of the requested CPU, in millicores; None where nothing is known.

    What is not known of a pod never makes the change larger: when the others use much, it is taken to use
    nothing, and when they use little, all of what it requests.
    """
    if not seen.used:
        return None
    ratio = _ratio(seen.used, request, target)
    idle = seen.unready if ratio > 1 else 0
    if not idle and not seen.missing:
        return current if _near(ratio, behavior) else math.ceil(ratio * len(seen.used))
    assumed = [0] * (idle + seen.missing) if ratio > 1 else _assumed(seen, request, target, ratio)
    counted = [*seen.used, *assumed]
    careful = _ratio(counted, request, target)
    if _near(careful, behavior) or (ratio < 1 < careful) or (careful < 1 < ratio):
        return current
    wanted = math.ceil(careful * len(counted))
    turned = (careful < 1 and wanted > current) or (careful > 1 and wanted < current)
    return current if turned else wanted


def _assumed(seen: Seen, request: int, target: int, ratio: float) -> list[int]:
    return [request * max(WHOLE, target) // 100] * seen.missing if ratio < 1 else []


def _ratio(used: Sequence[int], request: int, target: int) -> float:
    return sum(used) * 100 // (request * len(used)) / target


def _near(ratio: float, behavior: Behavior) -> bool:
    return 1 - behavior.down.tolerance <= ratio <= 1 + behavior.up.tolerance
