"""All values of the chart."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from charts.model.adapter import Controller, Keda, MetricsAdapter, Rbac, ServiceAccount
from charts.model.api import Api, Flower
from charts.model.metrics import Metrics, Tracing
from charts.model.redis import Database, ExternalRedis, Migrations, Redis
from charts.model.secret import Secrets
from charts.model.shape import Image, Object, Objects, Pod, Scalar, Shape, Words
from charts.model.worker import Worker
from jobs.conf import Settings

JOBS = sorted(
    f"{name}_SECONDS" if Settings.is_duration(name) else name
    for name in Settings.model_fields
    if name != "TRACES" and (not name.startswith("REDIS_") or name == "REDIS_TIMEOUT")
)
"""The platform's own settings, as its environment has them."""
type JobsName = Annotated[str, StringConstraints(pattern=f"^({'|'.join(JOBS)})$")]
type Name = Annotated[str, StringConstraints(pattern="^([a-z]([a-z0-9-]{0,37}[a-z0-9])?)?$")]


class QueueLimits(Shape):
    """What limits one queue."""

    max_running: Annotated[int, Field(ge=1)] | None = None
    """Jobs that run at once."""
    max_length: Annotated[int, Field(ge=0)] | None = None
    """Jobs that wait, beyond which a submit is refused."""


class Config(Shape):
    """The platform's settings."""

    logLevel: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    """What is logged."""
    logFormat: Literal["json", "text"] = "json"
    """One object of JSON a line, or text for people."""
    queues: dict[str, QueueLimits] = {}
    """Limits of queues, by name."""
    jobs: dict[JobsName, Scalar] = {}
    """Other settings of docs/reference/settings.md, without their `JOBS_`: `{LEASE_SECONDS: 30}`."""


class Test(Shape):
    """What `helm test` does: it submits a job, and waits for its SUCCESS."""

    path: str = "/api/tasks/process/"
    """Where it submits: the path of a task of yours."""
    body: Object = {"data": "hello"}
    """What it submits."""


class NetworkPolicy(Shape):
    """Who reaches whom. All is refused, both ways, but for what the platform needs."""

    enabled: bool = True
    """Make the policies; the cluster's network must enforce them."""
    apiServer: Objects = [{"ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}]}]
    """Where Kubernetes' API server is, for what talks to it: Kubernetes' `egress`."""
    dns: Objects = [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}]
    """Where names are looked up: Kubernetes' `egress`."""


class Values(Shape):
    """Values of the taskbell chart."""

    nameOverride: Name = ""
    """Instead of the chart's name."""
    fullnameOverride: Name = ""
    """What the names of all objects start with, instead of the release's name."""
    image: Image = Image(repository="taskbell")
    """The one image of API, workers, Flower and migrations; no tag: the chart's `appVersion`."""
    config: Config = Config()
    """The platform's settings."""
    api: Api = Api()
    """The HTTP API."""
    worker: Worker = Worker()
    """The workers: what all pools have unless they say otherwise, and the pools."""
    metricsAdapter: MetricsAdapter = MetricsAdapter()
    """Tells the workers' load to Kubernetes' autoscaler, where a pool's `autoscaling.mode` is
    `external-metrics`."""
    controller: Controller = Controller()
    """Has Kubernetes take idle pods first, where a pool is scaled; and guards the adapter's API."""
    keda: Keda = Keda()
    """What KEDA needs."""
    flower: Flower = Flower()
    """Flower, which shows workers and jobs."""
    metrics: Metrics = Metrics()
    """Tells Prometheus of the whole installation."""
    tracing: Tracing = Tracing()
    """Traces by OpenTelemetry."""
    redis: Redis = Redis()
    """A Redis of the installation's own."""
    externalRedis: ExternalRedis = ExternalRedis()
    """A Redis or Valkey that is there already."""
    database: Database = Database()
    """PostgreSQL; without one, large results are in Redis."""
    migrations: Migrations = Migrations()
    """The Job that brings the database's tables up to date."""
    secrets: Secrets = Secrets()
    """What is done where a secret is neither given nor there."""
    networkPolicy: NetworkPolicy = NetworkPolicy()
    """Who reaches whom."""
    serviceAccount: ServiceAccount = ServiceAccount()
    """The account of all pods but those of `metricsAdapter` and `controller`. None has its token."""
    rbac: Rbac = Rbac()
    """What these two may ask of Kubernetes' API."""
    pod: Pod = Pod()
    """What all pods have."""
    test: Test = Test()
    """What `helm test` does."""
    commonLabels: Words = {}
    """Labels of every object."""
    commonAnnotations: Words = {}
    """Annotations of every object."""
    extraObjects: list[Object | str] = []
    """Objects that are installed with the rest; a text is a template."""
    global_: Object = Field({}, alias="global")
    """For charts that have this one as a part; nothing here reads it."""
