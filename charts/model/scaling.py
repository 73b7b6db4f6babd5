"""How many pods."""

from typing import Annotated, Literal

from pydantic import Field

from charts.model.shape import Object, Shape

type Count = Annotated[int, Field(ge=0)]
type Percent = Annotated[int, Field(ge=1, le=100)]


class Autoscaling(Shape):
    """A HorizontalPodAutoscaler."""

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
