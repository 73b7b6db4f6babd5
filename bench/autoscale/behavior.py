"""A HorizontalPodAutoscaler's `behavior`: how fast it may go up and down, as `autoscaling/v2` reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

type Select = Literal["Max", "Min", "Disabled"]

LONGEST_WINDOW, LONGEST_PERIOD = 3600, 1800
"""Seconds; Kubernetes refuses more."""
TOLERANCE = 0.1
"""Of the whole cluster, where a direction says nothing of its own."""


class WrongValue(Exception):
    """A value that Kubernetes would refuse; its text is one line that names it."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """So many pods, or so many percent of them, in a period."""

    kind: Literal["Pods", "Percent"]
    value: int
    period: int


@dataclass(frozen=True, kw_only=True)
class Rules:
    """One direction."""

    window: int
    policies: tuple[Policy, ...]
    select: Select = "Max"
    """Of the policies' answers: the largest change, the smallest, or none ever."""
    tolerance: float = TOLERANCE


@dataclass(frozen=True, kw_only=True)
class Behavior:
    """Both directions."""

    up: Rules
    down: Rules


_AT_ONCE = Policy(kind="Percent", value=100, period=15)
UP = Rules(window=0, policies=(_AT_ONCE, Policy(kind="Pods", value=4, period=15)))
DOWN = Rules(window=300, policies=(_AT_ONCE,))
"""What Kubernetes does where nothing is said."""


def behavior(told: Mapping[str, Any], where: str = "behavior") -> Behavior:
    """Read it; what is left out is Kubernetes' own default.

    Raises:
        WrongValue: Kubernetes would refuse it.
    """
    _known(told, where, "scaleUp", "scaleDown")
    return Behavior(
        up=_rules(told.get("scaleUp"), UP, f"{where}.scaleUp"),
        down=_rules(told.get("scaleDown"), DOWN, f"{where}.scaleDown"),
    )


def mapping(told: Any, where: str) -> Mapping[str, Any]:
    """The same, as a mapping; None is an empty one."""
    if told is None:
        return {}
    if not isinstance(told, Mapping):
        raise WrongValue(f"{where}: is no mapping")
    return told


def whole(told: Any, where: str, least: int, most: int | None = None) -> int:
    """The same, as a whole number within bounds."""
    if type(told) is not int or told < least or (most is not None and told > most):
        bounds = f"of {least} or more" if most is None else f"from {least} to {most}"
        raise WrongValue(f"{where}: {told!r} is no whole number {bounds}")
    return told


def _rules(told: Any, default: Rules, where: str) -> Rules:
    told = mapping(told, where)
    _known(told, where, "stabilizationWindowSeconds", "selectPolicy", "policies", "tolerance")
    said = {name: value for name, value in told.items() if value is not None}
    window = said.get("stabilizationWindowSeconds", default.window)
    return Rules(
        window=whole(window, f"{where}.stabilizationWindowSeconds", 0, LONGEST_WINDOW),
        policies=_policies(said["policies"], f"{where}.policies") if "policies" in said else default.policies,
        select=_select(said.get("selectPolicy", default.select), f"{where}.selectPolicy"),
        tolerance=_tolerance(said.get("tolerance", default.tolerance), f"{where}.tolerance"),
    )


def _policies(told: Any, where: str) -> tuple[Policy, ...]:
    if not isinstance(told, list) or not told:
        raise WrongValue(f"{where}: is no list of at least one policy")
    return tuple(_policy(each, f"{where}[{place}]") for place, each in enumerate(told))


def _policy(told: Any, where: str) -> Policy:
    told = mapping(told, where)
    _known(told, where, "type", "value", "periodSeconds")
    kind = told.get("type")
    if kind not in {"Pods", "Percent"}:
        raise WrongValue(f"{where}.type: {kind!r} is neither Pods nor Percent")
    return Policy(
        kind=kind,
        value=whole(told.get("value"), f"{where}.value", 1),
        period=whole(told.get("periodSeconds"), f"{where}.periodSeconds", 1, LONGEST_PERIOD),
    )


def _select(told: Any, where: str) -> Select:
    selects: tuple[Select, ...] = ("Max", "Min", "Disabled")
    for select in selects:
        if told == select:
            return select
    raise WrongValue(f"{where}: {told!r} is none of {', '.join(selects)}")


def _tolerance(told: Any, where: str) -> float:
    try:
        share = float(told)
    except (TypeError, ValueError):
        share = -1
    if not 0 <= share <= 1:
        raise WrongValue(f"{where}: {told!r} is no share from 0 to 1")
    return share


def _known(told: Mapping[str, Any], where: str, *names: str) -> None:
    if unknown := sorted(set(map(str, told)) - set(names)):
        raise WrongValue(f"{where}.{unknown[0]}: there is no such field")
