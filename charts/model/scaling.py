"""How many pods."""

from typing import Annotated, Literal

from pydantic import Field

from charts.model.shape import Object, Shape

type Count = Annotated[int, Field(ge=0)]
type Percent = Annotated[int, Field(ge=1, le=100)]


class CpuAutoscaling(Shape):
    """A HorizontalPodAutoscaler on CPU."""

    mode: Literal["cpu", "none"] = "none"
    """`cpu`: by the pods' use of the CPU that they request; it needs metrics-server."""
    minReplicas: Annotated[int, Field(ge=1)] = 1
    """The least pods."""
    maxReplicas: Annotated[int, Field(ge=1)] = 10
    """The most pods."""
    targetCPUUtilizationPercentage: Annotated[int, Field(ge=1)] = 70
    """Percent of the requested CPU at which one more pod is wanted."""
    behavior: Object = {}
    """Kubernetes' `behavior`: how fast."""


class Keda(Shape):
    """What only KEDA has."""

    pollingSeconds: Annotated[int, Field(ge=1)] = 5
    """How often it looks whether a pool of no pods has work."""
    cooldownSeconds: Annotated[int, Field(ge=0)] = 300
    """How long a pool has no work before its last pod goes, where `minReplicas` is 0."""


class Autoscaling(Shape):
    """Pods by the jobs that want a slot: those that are ready, run, or are due soon."""

    mode: Literal["external-metrics", "keda", "cpu", "none"] = "external-metrics"
    """What counts. `external-metrics`: the jobs, told to Kubernetes by `metricsAdapter`; no add-on. `keda`:
    the jobs, told to KEDA, also down to no pod. `cpu`: the CPU that the pods use, which says little of jobs
    that wait for others; it needs metrics-server. `none`: nothing; `replicas` pods."""
    minReplicas: Count = 1
    """The least pods; 0 with `keda` alone."""
    maxReplicas: Annotated[int, Field(ge=1)] = 10
    """The most pods."""
    targetUtilizationPercentage: Annotated[int, Field(ge=1, le=1000)] = 80
    """Percent of a pod's `concurrency` that jobs may take before one more pod is wanted."""
    targetCPUUtilizationPercentage: Annotated[int, Field(ge=1)] = 70
    """With `cpu`: percent of the requested CPU at which one more pod is wanted."""
    behavior: Object = {}
    """Kubernetes' `behavior`: how fast. docs/howto/autoscaling-values.md helps to choose."""
    keda: Keda = Keda()
    """What only KEDA has."""


class Budget(Shape):
    """A PodDisruptionBudget: how many pods a drain of nodes may take at once."""

    enabled: bool = True
    """Make one."""
    maxUnavailable: Count | Annotated[str, Field(pattern=r"^\d+%$")] = 1
    """Pods, or percent of them."""


STEADY = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Percent", "value": 100, "periodSeconds": 15},
            {"type": "Pods", "value": 4, "periodSeconds": 15},
        ],
    },
    "scaleDown": {
        "stabilizationWindowSeconds": 300,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Percent", "value": 10, "periodSeconds": 60},
            {"type": "Pods", "value": 1, "periodSeconds": 60},
        ],
    },
}
"""Up at once, doubling; down after five quiet minutes, a tenth of the pods or one a minute."""
