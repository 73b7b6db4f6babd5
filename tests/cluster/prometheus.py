"""A Prometheus in the cluster, set up as the documentation says, to which time goes faster.

Spans of minutes are too long for a test. So every span of the rules is cut to a thirtieth, and a scrape
comes each second; what is compared with what stays as it is.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from tests.acceptance.calls import eventually
from tests.chart.rendering import CHART
from tests.cluster.kube import Kube, pod, run
from tests.docs.pages import page

IMAGE = "taskbell-test:prometheus"
DOCKERFILE = """
FROM python:3.13-slim-trixie
RUN apt-get update && apt-get install -y --no-install-recommends prometheus && rm -rf /var/lib/apt/lists/*
"""
FASTER = 30
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN = re.compile(r"(\[|offset |for: )(\d+)([smhd])\b")
START = (
    "exec prometheus --config.file=/etc/prometheus-test/prometheus.yml --storage.tsdb.path=/tmp/data"
    " --web.listen-address=:9090 --query.lookback-delta=10s"
)


def faster(rules: str) -> str:
    """The rules with each span cut."""
    return _SPAN.sub(lambda at: f"{at[1]}{int(at[2]) * UNITS[at[3]] // FASTER}s", rules)


def _config(namespace: str) -> str:
    [told, *_] = [
        block.text
        for block in page("docs/howto/monitoring.md").blocks("yaml")
        if "scrape_configs" in block.text
    ]
    return "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n" + told.replace(
        "NAMESPACE", namespace
    )


def _manifests(namespace: str) -> list[dict[str, Any]]:
    rules = faster((CHART / "files" / "alerts.yaml").read_text())
    account = {"kind": "ServiceAccount", "name": "prometheus", "namespace": namespace}
    running = pod("prometheus", IMAGE)
    running["spec"] |= {
        "serviceAccountName": "prometheus",
        "volumes": [{"name": "config", "configMap": {"name": "prometheus"}}],
    }
    running["spec"]["containers"][0] |= {
        "command": ["sh", "-c", START],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": 9090}},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/prometheus-test"}],
    }
    rights = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
    group = "rbac.authorization.k8s.io"
    role = {"apiGroup": group, "kind": "Role", "name": "prometheus"}
    named: dict[str, Any] = {"metadata": {"name": "prometheus"}}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", **named},
        {"apiVersion": f"{group}/v1", "kind": "Role", **named, "rules": rights},
        {"apiVersion": f"{group}/v1", "kind": "RoleBinding", **named, "roleRef": role, "subjects": [account]},
        {"apiVersion": "v1", "kind": "ConfigMap", **named, "data": {
            "prometheus.yml": _config(namespace), "alerts.yaml": rules,
        }},
        running,
    ]  # fmt: skip


class Alarms:
    """What the Prometheus of a namespace raises an alarm for."""

    def __init__(self, namespace: str) -> None:
        self._path = f"/api/v1/namespaces/{namespace}/pods/prometheus:9090/proxy/api/v1"

    def targets(self) -> dict[str, str]:
        """Each job that it scrapes, and how its last target is."""
        return {each["labels"]["job"]: each["health"] for each in self._get("targets")["activeTargets"]}

    def firing(self) -> set[str]:
        found = self._get("alerts")["alerts"]
        return {each["labels"]["alertname"] for each in found if each["state"] == "firing"}

    def wait_for(self, *names: str, within: timedelta = timedelta(minutes=3)) -> None:
        """Until each of them has fired; not all at the same time."""
        seen: set[str] = set()

        def look() -> set[str]:
            seen.update(self.firing())
            return set(names) - seen

        eventually(look, lambda missing: not missing, within.total_seconds())

    def wait_until_over(self, *names: str, within: timedelta = timedelta(minutes=5)) -> None:
        eventually(self.firing, set(names).isdisjoint, within.total_seconds())

    def _get(self, what: str) -> Any:
        return json.loads(run("kubectl", "get", "--raw", f"{self._path}/{what}"))["data"]


@contextmanager
def alarms(kube: Kube) -> Iterator[Alarms]:
    """A Prometheus in this namespace; the nodes have its image."""
    kube.apply(*_manifests(kube.namespace))
    kube("wait", "--for=condition=Ready", "pod/prometheus", "--timeout=60s")
    yield Alarms(kube.namespace)
    kube("delete", "pod", "prometheus", "--wait=false")
