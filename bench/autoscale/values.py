"""A pool of workers as the chart's values say it: the chart's own, and a user's over them."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from bench.autoscale.behavior import Behavior, WrongValue, behavior, mapping, whole

CHART = Path(__file__).resolve().parents[2] / "charts/taskbell/values.yaml"
AIM = 0.8
"""Of a pod's slots: how many jobs it shall have, waiting ones included, where no target is said."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """What decides how many pods a pool has."""

    name: str
    """As the table calls it."""
    concurrency: int
    least: int
    most: int
    shutdown_seconds: int
    """How long jobs may run on in a pod that was told to go."""
    target: float
    """Jobs a pod, waiting and running."""
    behavior: Behavior
    cpu_target: int
    """Percent of the request."""
    cpu_request: int | None
    """Millicores of a pod; None: there is none, and no autoscaling by CPU."""


def chart_pool(pool: str | None = None) -> Pool:
    """The chart's own."""
    return _pool("chart", [CHART], pool)


def users_pool(path: Path, pool: str | None = None) -> Pool:
    """A user's values over the chart's, and over both what the pool `pool` says of its own.

    Raises:
        WrongValue: the chart or Kubernetes would refuse them.
    """
    return _pool(path.stem, [CHART, path], pool)


def _pool(name: str, paths: list[Path], pool: str | None) -> Pool:
    worker: Mapping[str, Any] = {}
    for path in paths:
        worker = _over(worker, mapping(_read(path).get("worker"), f"{path}: worker"))
    pools = mapping(worker.get("pools"), "worker.pools")
    if pool is not None:
        if pool not in pools:
            raise WrongValue(f"worker.pools.{pool}: there is no such pool")
        worker = _over(worker, mapping(pools[pool], f"worker.pools.{pool}"))
    where = str(paths[-1])
    try:
        return _checked(name, worker)
    except WrongValue as wrong:
        raise WrongValue(f"{where}: {wrong}") from None


def _checked(name: str, worker: Mapping[str, Any]) -> Pool:
    scaling = mapping(worker.get("autoscaling"), "worker.autoscaling")
    concurrency = whole(worker.get("concurrency"), "worker.concurrency", 1)
    least = whole(scaling.get("minReplicas"), "worker.autoscaling.minReplicas", 1)
    cpu_target = scaling.get("targetCPUUtilizationPercentage")
    return Pool(
        name=name, concurrency=concurrency, least=least,
        most=whole(scaling.get("maxReplicas"), "worker.autoscaling.maxReplicas", least),
        shutdown_seconds=whole(
            mapping(worker.get("shutdown"), "worker.shutdown").get("seconds"), "worker.shutdown.seconds", 1
        ),
        target=concurrency * whole(
            scaling.get("targetUtilizationPercentage"), "worker.autoscaling.targetUtilizationPercentage", 1
        ) / 100,
        behavior=behavior(mapping(scaling.get("behavior"), "worker.autoscaling.behavior"),
                          "worker.autoscaling.behavior"),
        cpu_target=whole(cpu_target, "worker.autoscaling.targetCPUUtilizationPercentage", 1),
        cpu_request=_millicores(worker),
    )  # fmt: skip


def _millicores(worker: Mapping[str, Any]) -> int | None:
    resources = mapping(worker.get("resources"), "worker.resources")
    told = mapping(resources.get("requests"), "worker.resources.requests").get("cpu")
    if told is None:
        return None
    text = str(told)
    try:
        cores = Decimal(text.removesuffix("m")) / (1000 if text.endswith("m") else 1)
        found = int(cores * 1000)
    except (InvalidOperation, ValueError, OverflowError):
        found = 0
    if found <= 0:
        raise WrongValue(f"worker.resources.requests.cpu: {told!r} is no number of cores: 2, 500m")
    return found


def _read(path: Path) -> Mapping[str, Any]:
    try:
        return mapping(yaml.safe_load(path.read_text()), str(path))
    except OSError as error:
        raise WrongValue(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise WrongValue(f"{path}: is no YAML: {error}") from None
    except yaml.YAMLError as error:
        raise WrongValue(f"{path}: is no YAML: {' '.join(str(error).split())}") from None


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """As Helm lays values over values: mappings are merged, all else is replaced, null takes away."""
    merged = dict(below)
    for name, value in above.items():
        was = merged.get(name)
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, Mapping):
            merged[name] = _over(was if isinstance(was, Mapping) else {}, value)
        else:
            merged[name] = value
    return merged
