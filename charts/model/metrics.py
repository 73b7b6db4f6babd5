"""What watches an installation."""

from typing import Annotated

from pydantic import Field

from charts.model.api import Reach
from charts.model.secret import Secret
from charts.model.shape import Objects, Pod, Resources, Shape, Words, resources
from charts.monitoring.alert import RUNBOOKS


class Monitors(Shape):
    """What tells Prometheus' operator to read the whole installation's metrics, and each pod's."""

    enabled: bool = False
    """Make a ServiceMonitor and PodMonitors, of API, workers and adapter; the operator must be there."""
    labels: Words = {}
    """Labels by which the operator finds them: `{release: prometheus}`."""
    interval: Annotated[str, Field(pattern=r"^([1-9]\d*(ms|s|m|h))+$")] = "30s"
    """How often it reads."""


class Rules(Shape):
    """The alerts."""

    enabled: bool = False
    """Make a PrometheusRule; the operator must be there. Of several releases one is enough."""
    runbookUrl: str = RUNBOOKS
    """Where docs/runbooks can be read: what each alert's `runbook_url` begins with."""
    labels: Words = {}
    """Labels by which the operator finds it."""


class Dashboards(Shape):
    """Grafana's dashboards."""

    enabled: bool = False
    """Make a ConfigMap of each. Of several releases one is enough."""
    labels: Words = {"grafana_dashboard": "1"}
    """Labels by which Grafana's sidecar finds them."""
    annotations: Words = {}
    """Annotations: `{grafana_folder: taskbell}`."""


class Readers(Reach):
    """Who may read metrics, where `networkPolicy.enabled`."""

    workersFrom: Objects = []
    """Peers that may read each worker's port `metrics`: Kubernetes' `from`; `[{}]` is everybody in the
    cluster. Empty: those of `ingressFrom` where `monitors.enabled`, else nobody."""


class Metrics(Shape):
    """Tells Prometheus of all jobs, queues, pools, and Redis. One pod: of two each would tell of all."""

    enabled: bool = True
    """Run it: `/metrics/ledger` of the Service `…-metrics`."""
    resources: Resources = resources("50m", "128Mi", most="384Mi")
    """Of the pod."""
    annotations: Words = {}
    """Annotations of its Service."""
    token: Secret = Secret()
    """What `/metrics` of API, workers and this pod asks for, as a bearer token; the monitors pass it. Key:
    `metrics-token`. Without: nothing."""
    network: Readers = Readers(ingressFrom=[{}])
    """Who may read them; `ingressFrom: [{}]` is everybody in the cluster."""
    pod: Pod = Pod()
    """What else its pod has."""
    monitors: Monitors = Monitors()
    """What tells Prometheus' operator to read them."""
    rules: Rules = Rules()
    """The alerts."""
    dashboards: Dashboards = Dashboards()
    """Grafana's dashboards."""


class Tracing(Shape):
    """Traces of requests and jobs, sent to an OpenTelemetry collector by API and workers."""

    endpoint: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    """The collector's address for OTLP over HTTP: `http://collector.observability:4318`. Empty: no traces."""
    sampleRatio: Annotated[float, Field(ge=0, le=1)] = 1
    """The part of the traces that is kept, where no caller has decided it."""
    egress: Objects = []
    """Where the collector is: Kubernetes' `egress`. Empty: whatever answers at the address's port."""
