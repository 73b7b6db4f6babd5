"""The API, Flower, and how they are reached."""

from typing import Annotated, Literal

from pydantic import Field

from charts.model.scaling import Budget, Count, CpuAutoscaling
from charts.model.secret import Secret
from charts.model.shape import Object, Objects, Pod, Port, Resources, Shape, Words, resources


class Service(Shape):
    """A Service."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    """Who reaches it: the cluster, its nodes' ports, the world."""
    port: Port = 8001
    """Its port."""
    nodePort: Port | None = None
    """For `NodePort`; empty: any that is free."""
    annotations: Words = {}
    """Annotations."""


class Host(Shape):
    """A host name, and its paths."""

    host: str = ""
    """Empty: any."""
    paths: list[str] = ["/"]
    """Path prefixes."""


class Ingress(Shape):
    """An Ingress."""

    enabled: bool = False
    """Make one."""
    className: str = ""
    """Its IngressClass."""
    annotations: Words = {}
    """Annotations."""
    hosts: list[Host] = [Host()]
    """Names and paths."""
    tls: Objects = []
    """Kubernetes' `tls`: `[{secretName: …, hosts: […]}]`."""


class HttpRoute(Shape):
    """A route of the Gateway API."""

    enabled: bool = False
    """Make one."""
    annotations: Words = {}
    """Annotations."""
    parentRefs: Objects = []
    """The Gateways: `[{name: …, namespace: …}]`."""
    hostnames: list[str] = []
    """Names."""
    rules: Objects = []
    """Empty: all that comes goes to the API."""


class Reach(Shape):
    """Who else may be reached and may reach; both only where `networkPolicy.enabled`."""

    ingressFrom: Objects = []
    """Peers that may reach it: Kubernetes' `from`."""
    egress: Objects = []
    """What else it may reach: Kubernetes' `egress`; `[{}]` for everything."""


class Api(Shape):
    """The HTTP API."""

    replicas: Count = 2
    """Pods, where `autoscaling.mode` is `none`."""
    processes: Annotated[int, Field(ge=1)] = 2
    """Of gunicorn, in each pod."""
    resources: Resources = resources("100m", "256Mi", most="512Mi")
    """Of each pod."""
    service: Service = Service()
    """How it is reached in the cluster."""
    ingress: Ingress = Ingress()
    """How it is reached from outside."""
    httpRoute: HttpRoute = HttpRoute()
    """How it is reached from outside, by the Gateway API."""
    network: Reach = Reach(ingressFrom=[{}])
    """`ingressFrom: [{}]` is everybody; whoever reaches the API can submit."""
    autoscaling: CpuAutoscaling = CpuAutoscaling(minReplicas=2)
    """Pods by need."""
    podDisruptionBudget: Budget = Budget()
    """What a drain of nodes leaves."""
    preStopSeconds: Annotated[int, Field(ge=0, le=120)] = 5
    """How long a pod that ends goes on accepting, until nobody sends it any more."""
    terminationGracePeriodSeconds: Annotated[int, Field(ge=1)] = 40
    """Must be above `preStopSeconds` and gunicorn's own 20 seconds."""
    pod: Pod = Pod()
    """What else its pods have."""


class Flower(Shape):
    """Flower, which shows workers and jobs."""

    enabled: bool = True
    """Run it."""
    auth: Secret = Secret()
    """`user:password` of its login; generated for the user `admin`. Key: `flower-auth`."""
    resources: Resources = resources("50m", "128Mi", most="384Mi")
    """Of the pod."""
    service: Service = Service(port=5555)
    """How it is reached in the cluster."""
    network: Reach = Reach()
    """Nobody reaches it unless `ingressFrom` says so; `kubectl port-forward` does."""
    options: Object = {}
    """Flower's options, as its `FLOWER_…` variables: `{MAX_TASKS: 5000, URL_PREFIX: flower}`."""
    pod: Pod = Pod()
    """What else its pod has."""
