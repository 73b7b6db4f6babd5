"""PromQL as far as the tests look into it: which metrics it names, narrowed and grouped by which labels."""

import re
from collections.abc import Iterator

FILLED = {
    "$__rate_interval": "1m", "$__range": "5m", "$namespace": ".*", "$job": ".*", "$api": ".*",
    "$workers": ".*", "$queue": ".*", "$route": ".*",
}  # fmt: skip
"""What the variables stand for: all there is."""
OF_TARGETS = {"namespace", "job", "instance", "pod", "le"}
"""Labels that Prometheus adds, and a histogram's own."""
_METRIC = re.compile(r"\b(taskbell_\w+)(?:\{([^}]*)\})?")
_GROUPED = re.compile(r"\bby \(([^)]*)\) \(")


def filled(expr: str, task: str) -> str:
    """As Grafana asks it, once somebody chose."""
    for name, value in (FILLED | {"$task": task}).items():
        expr = expr.replace(name, value)
    assert "$" not in expr, expr
    return expr


def metrics(expr: str) -> set[str]:
    return {name for name, _ in _METRIC.findall(expr)}


def labels(expr: str) -> Iterator[tuple[str, str]]:
    """Each metric with each label that it is narrowed or grouped by."""
    for name, narrowed in _METRIC.findall(expr):
        yield from ((name, label) for label in re.findall(r"(\w+)(?:=~|!~|!=|=)", narrowed))
    for found in _GROUPED.finditer(expr):
        inside = _inside(expr, found.end())
        for label in found[1].split(", "):
            yield from ((name, label) for name in metrics(inside))


def groups(expr: str) -> set[str]:
    """All labels that anything is grouped by."""
    return {label for found in _GROUPED.finditer(expr) for label in found[1].split(", ")}


def _inside(expr: str, start: int) -> str:
    """From `start` to the parenthesis that closes what was opened just before."""
    depth = 1
    for at in range(start, len(expr)):
        depth += {"(": 1, ")": -1}.get(expr[at], 0)
        if not depth:
            return expr[start:at]
    raise AssertionError(f"no end: {expr}")
