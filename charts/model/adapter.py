"""What talks to Kubernetes' API: the metrics adapter, and the controller."""

from typing import Annotated

from pydantic import Field

from charts.model.scaling import Budget, Count
from charts.model.secret import Secret
from charts.model.shape import Pod, Resources, SecretName, Shape, Words, resources


class ServiceAccount(Shape):
    """A ServiceAccount."""

    create: bool = True
    """Make one."""
    name: str = ""
    """Empty: a name of the release's own where it is made, else `default`."""
    annotations: Words = {}
    """Annotations."""


class Rbac(Shape):
    """Roles, and who has them."""

    create: bool = True
    """Make them. `false`: somebody else has, as docs/howto/autoscaling.md lists them."""


class Certificate(Shape):
    """What the API server knows the adapter by."""

    existingSecret: SecretName = ""
    """A Secret with `tls.crt` and `tls.key`, as cert-manager makes it; whoever makes it sees to the
    APIService's `caBundle` too. Empty: the adapter makes its own, and a new one in time."""
    annotations: Words = {}
    """Annotations of the APIService: `{cert-manager.io/inject-ca-from: namespace/name}`."""
    seconds: Annotated[int, Field(ge=60)] = 7776000
    """How long one of its own is valid; at two thirds of that it has the next."""


class MetricsAdapter(Shape):
    """Serves `external.metrics.k8s.io` for this namespace. A cluster has one API of this name."""

    enabled: bool = True
    """Run it where a pool needs it. `false`: something else serves `taskbell_autoscale_load`."""
    replicas: Count = 2
    """Pods."""
    certificate: Certificate = Certificate()
    """What the API server knows it by."""
    serviceAccount: ServiceAccount = ServiceAccount()
    """Its account, which may keep its Secret and its APIService."""
    resources: Resources = resources("50m", "96Mi", most="256Mi")
    """Of each pod."""
    podDisruptionBudget: Budget = Budget()
    """What a drain of nodes leaves."""
    pod: Pod = Pod()
    """What else its pods have."""


class Keda(Shape):
    """What KEDA needs where a pool's `autoscaling.mode` is `keda`."""

    token: Secret = Secret()
    """What it shows the API when it asks for the load; generated. Key: `pools-token`."""


class Controller(Shape):
    """Marks which workers' pods may go, by the long jobs that each runs, and guards the adapter's API."""

    enabled: bool = True
    """Run it where a pool is scaled."""
    serviceAccount: ServiceAccount = ServiceAccount()
    """Its account, which may read and annotate the namespace's pods, and delete the one APIService."""
    resources: Resources = resources("25m", "96Mi", most="192Mi")
    """Of the pod."""
    pod: Pod = Pod()
    """What else its pod has."""
