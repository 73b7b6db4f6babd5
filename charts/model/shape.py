"""What every model of a value has: unknown names are refused, and a field's docstring is its description."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

type Object = dict[str, Any]
"""Kubernetes' own; what it may hold, its API server checks."""
type Objects = list[dict[str, Any]]
type Scalar = str | int | float | bool
type Words = dict[str, Annotated[str, StringConstraints(max_length=262144)]]
"""Labels, annotations, node selectors."""
type Quantity = (
    Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")] | int | float
)
type Port = Annotated[int, Field(ge=1, le=65535)]
type SecretName = Annotated[str, StringConstraints(pattern=r"^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?)?$")]
"""A Secret's name; empty for none."""


class Shape(BaseModel):
    """A group of values."""

    model_config = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, json_schema_serialization_defaults_required=False
    )


class Amounts(Shape):
    """Of each resource."""

    model_config = ConfigDict(title="Amounts")

    cpu: Quantity | None = None
    """Cores: `2`, `500m`."""
    memory: Quantity | None = None
    """Bytes: `512Mi`."""
    ephemeral_storage: Quantity | None = Field(None, alias="ephemeral-storage")
    """Bytes of the container's own files and logs."""


class Resources(Shape):
    """What a container asks for, and may have at the most."""

    requests: Amounts = Amounts()
    """What the node sets aside for it."""
    limits: Amounts = Amounts()
    """Above the memory it is killed, above the cpu it is slowed down."""


def resources(cpu: str, memory: str, *, most: str, most_cpu: str | None = None) -> Resources:
    """Requests, and limits."""
    return Resources(
        requests=Amounts.model_validate({"cpu": cpu, "memory": memory, "ephemeral-storage": "64Mi"}),
        limits=Amounts.model_validate({"cpu": most_cpu, "memory": most, "ephemeral-storage": "1Gi"}),
    )


class Image(Shape):
    """An image."""

    repository: str
    """Registry and name."""
    tag: str = ""
    """Also as `tag@sha256:…`."""
    digest: Annotated[str, StringConstraints(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""
    """`sha256:…`: the image whatever its tag says by now."""
    pullPolicy: Annotated[str, StringConstraints(pattern="^(Always|IfNotPresent|Never)?$")] = ""
    """Empty: `Always` for a digest, else `IfNotPresent`."""


class Pod(Shape):
    """What a pod may have besides. Top-level `pod` is for all, and a component's own wins over it."""

    labels: Words = {}
    """Labels of the pod."""
    annotations: Words = {}
    """Annotations of the pod."""
    nodeSelector: Words = {}
    """Labels that its node must have."""
    tolerations: Objects = []
    """Taints that it bears."""
    affinity: Object = {}
    """Kubernetes' `affinity`."""
    topologySpreadConstraints: Objects = []
    """Empty: spread over zones and nodes where that can be had."""
    priorityClassName: str = ""
    """Its PriorityClass."""
    runtimeClassName: str = ""
    """Its RuntimeClass."""
    hostUsers: bool | None = None
    """`false`: a user namespace of its own (needs Kubernetes 1.33)."""
    imagePullSecrets: list[SecretName] = []
    """Secrets with which its images are pulled."""
    securityContext: Object = {}
    """Laid over the pod's own, which passes the restricted Pod Security Standard."""
    containerSecurityContext: Object = {}
    """Laid over that of each of the chart's containers: no capability, no writable root, user 10001."""
    env: Objects = []
    """Variables, as in a container: `[{name: TZ, value: UTC}]`."""
    envFrom: Objects = []
    """ConfigMaps and Secrets whose keys become variables."""
    volumes: Objects = []
    """Volumes."""
    volumeMounts: Objects = []
    """Where the main container mounts them."""
    initContainers: Objects = []
    """Containers that end before the main one starts."""
    containers: Objects = []
    """Containers beside the main one."""
