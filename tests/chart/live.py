"""What the chart sees of a cluster when it is rendered for one: an API server that has a few objects."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import yaml

from tests.chart.rendering import Manifest, template

KINDS = {
    "v1": ("ConfigMap", "Pod", "Secret", "Service", "ServiceAccount"),
    "apps/v1": ("Deployment", "StatefulSet"),
    "autoscaling/v2": ("HorizontalPodAutoscaler",),
    "batch/v1": ("CronJob", "Job"),
    "networking.k8s.io/v1": ("Ingress", "NetworkPolicy"),
    "policy/v1": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io/v1": ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"),
    "apiregistration.k8s.io/v1": ("APIService",),
}
"""What may be asked for."""
CLUSTERS = {"APIService", "ClusterRole", "ClusterRoleBinding"}
"""Those of them that are in no namespace."""
VERSION = {"major": "1", "minor": "34", "gitVersion": "v1.34.0"}


def render_over(*objects: Manifest, args: tuple[str, ...] = ()) -> list[Manifest]:
    """What is rendered where a cluster has these objects."""
    with _serving(_pages(objects)) as url:
        text = template(
            "--dry-run=server", "--is-upgrade", "--disable-openapi-validation", "--kube-apiserver", url, *args
        )
    return [found for found in yaml.safe_load_all(text) if found]


def _pages(objects: tuple[Manifest, ...]) -> dict[str, Manifest]:
    """What is told at each path: what there is to ask for, and the objects."""
    pages: dict[str, Manifest] = {"/version": VERSION, "/api": {"kind": "APIVersions", "versions": ["v1"]}}
    groups = []
    for version, kinds in KINDS.items():
        resources = [
            {"name": _plural(kind), "kind": kind, "namespaced": kind not in CLUSTERS, "verbs": ["get"]}
            for kind in kinds
        ]
        pages[_root(version)] = {
            "kind": "APIResourceList", "groupVersion": version, "resources": resources,
        }  # fmt: skip
        group, _, short = version.rpartition("/")
        if group:
            served = {"groupVersion": version, "version": short}
            groups.append({"name": group, "versions": [served], "preferredVersion": served})
    pages["/apis"] = {"kind": "APIGroupList", "groups": groups}
    for each in objects:
        at = f"{_root(each['apiVersion'])}/namespaces/{each['metadata']['namespace']}"
        pages[f"{at}/{_plural(each['kind'])}/{each['metadata']['name']}"] = each
    return pages


def _root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _plural(kind: str) -> str:
    return f"{kind.lower().removesuffix('y')}ies" if kind.endswith("y") else f"{kind.lower()}s"


@contextmanager
def _serving(pages: dict[str, Manifest]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            body = page or {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}
            text = json.dumps({"apiVersion": "v1"} | body).encode()
            self.send_response(200 if page else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Nothing is told of each request."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
