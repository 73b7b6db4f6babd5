"""The plain manifests, their overlays and `skaffold.yaml` say what the chart says."""

import re
import shutil

import kubernetes_validate
import pytest
import yaml

from charts.raw import BASE, manifests
from tests.chart.rendering import CHART, ROOT, Manifest, one, pods, render, tool
from tests.chart.test_pods import restricted_faults

pytestmark = pytest.mark.chart
OVERLAYS = sorted(path.name for path in (ROOT / "k8s" / "overlays").iterdir())


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """`k8s/` with the secrets that a user writes."""
    tree = tmp_path_factory.mktemp("k8s") / "k8s"
    shutil.copytree(ROOT / "k8s", tree)
    for example in tree.rglob("*.env.example"):
        example.rename(example.with_suffix(""))
    return tree


def built(tree, overlay: str) -> list[Manifest]:
    done = tool("kubectl", "kustomize", tree / "overlays" / overlay)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def test_the_base_is_what_the_chart_renders_by_now():
    assert {path.name: path.read_text() for path in BASE.iterdir()} == manifests(), "run make chart"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_valid_and_its_pods_are_restricted(tree, overlay):
    found = built(tree, overlay)
    for manifest in found:
        kubernetes_validate.validate(manifest, "1.34", strict=True)
    assert {name: faults for name, pod in pods(found).items() if (faults := restricted_faults(pod))} == {}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_has_every_object_of_the_chart(tree, overlay):
    rendered = render("--values", CHART / "ci" / "raw-values.yaml", "--skip-tests")
    wanted = {(each["kind"], each["metadata"]["name"]) for each in rendered}
    found = {(each["kind"], each["metadata"]["name"]) for each in built(tree, overlay)}
    assert wanted <= found
    assert {kind for kind, _ in found - wanted} == {"Namespace", "Secret"}


def test_every_secret_that_a_pod_mounts_is_one_that_the_overlay_makes(tree):
    for overlay in OVERLAYS:
        found = built(tree, overlay)
        [secret] = [each["metadata"]["name"] for each in found if each["kind"] == "Secret"]
        mounted = set(re.findall(r"taskbell-secrets[a-z0-9-]*", yaml.safe_dump(found)))
        assert mounted == {secret}


def test_the_production_s_redis_differs_from_the_chart_s_by_when_it_writes_alone(tree):
    def settings(found: list[Manifest]) -> set[str]:
        lines = one(found, "ConfigMap", "taskbell-redis")["data"]["redis.conf"].splitlines()
        return {line for line in lines if not line.startswith("#")}

    chart = settings(render("--values", CHART / "ci" / "raw-values.yaml"))
    production = settings(built(tree, "prod"))
    assert chart - production == {"appendfsync everysec"}
    assert production - chart == {"appendfsync always"}


def test_skaffold_copies_edited_tasks_into_a_volume_of_the_pods():
    skaffold = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    assert skaffold["apiVersion"] == "skaffold/v4beta13"
    [artifact] = skaffold["build"]["artifacts"]
    [copied] = artifact["sync"]["manual"]
    assert ROOT / "app" / "tasks" / "text.py" in ROOT.glob(copied["src"])
    [release] = skaffold["deploy"]["helm"]["releases"]
    api = pods(render("--values", ROOT / release["valuesFiles"][0]))["Deployment/taskbell-api"]
    mounts = api["spec"]["containers"][0]["volumeMounts"]
    assert copied["dest"] in [mount["mountPath"] for mount in mounts]
    assert copied["strip"] == "app/tasks/"
    [restart] = artifact["sync"]["hooks"]["after"]
    assert "kill -TERM" in restart["container"]["command"][-1]


def test_skaffold_verifies_with_the_image_s_own_script_that_the_api_runs_a_job():
    skaffold = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    [release] = skaffold["deploy"]["helm"]["releases"]
    [verify] = skaffold["verify"]
    script, url = verify["container"]["args"]
    assert (ROOT / script.removeprefix("/")).exists()
    service = one(
        render("--values", ROOT / release["valuesFiles"][0], release=release["name"]),
        "Service",
        "taskbell-api",
    )
    at = f"{service['metadata']['name']}.{release['namespace']}:{service['spec']['ports'][0]['port']}"
    assert url == f"http://{at}/api/tasks/process/"
    assert verify["container"]["image"] == skaffold["build"]["artifacts"][0]["image"]
    assert verify["executionMode"] == {"kubernetesCluster": {}}


def test_skaffold_forwards_to_services_that_the_chart_makes():
    skaffold = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    [release] = skaffold["deploy"]["helm"]["releases"]
    found = render("--values", ROOT / release["valuesFiles"][0], release=release["name"])
    for forward in skaffold["portForward"]:
        service = one(found, "Service", forward["resourceName"])
        assert service["spec"]["ports"][0]["port"] == forward["port"]
    assert {forward["localPort"] for forward in skaffold["portForward"]} == {8001, 5555}
    [profile] = skaffold["profiles"]
    [path] = profile["manifests"]["kustomize"]["paths"]
    assert (ROOT / path / "kustomization.yaml").exists()
