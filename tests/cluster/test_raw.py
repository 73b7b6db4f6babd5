"""The plain manifests, without Helm."""

import json
import shutil

import pytest
import yaml

from tests.acceptance.calls import GOING, curl, eventually, status, submit
from tests.chart.rendering import ROOT
from tests.cluster.kube import Kube, Release, run

pytestmark = pytest.mark.cluster


@pytest.fixture
def applied(image, tmp_path):
    """`k8s/overlays/dev` with the tests' image; its namespace is gone afterwards."""
    shutil.copytree(ROOT / "k8s", tmp_path / "k8s")
    overlay = tmp_path / "k8s" / "overlays" / "dev"
    kustomization = yaml.safe_load((overlay / "kustomization.yaml").read_text())
    name, _, tag = image.rpartition(":")
    kustomization["images"] = [{"name": "taskbell", "newName": name, "newTag": tag}]
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    run("kubectl", "apply", "--kustomize", overlay)
    kube = Kube(kustomization["namespace"])
    yield Release(kube, "taskbell", image=image)
    run("kubectl", "delete", "namespace", kube.namespace, "--wait=false")


def test_what_kubectl_applies_runs_jobs(applied):
    for kind in (
        "statefulset/taskbell-redis",
        "deployment/taskbell-api",
        "deployment/taskbell-worker-default",
    ):
        applied.kube("rollout", "status", kind, "--timeout=120s")
    with applied.forwarded("api", 8001) as api:
        job = submit(api, "process", {"data": "hello"})
        found = eventually(lambda: status(api, job), lambda found: found["status"] not in GOING)
        assert found["result"] == {"processed_data": "HELLO"}
        assert json.loads(curl(f"{api}/api/queues/celery/"))["counts"]["gap"] == 0
