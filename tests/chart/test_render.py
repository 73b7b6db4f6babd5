"""Every preset, for every Kubernetes that the chart says it runs on."""

import kubernetes_validate
import pytest
import yaml

from tests.chart.rendering import (
    CHART,
    KUBE_VERSIONS,
    NAMESPACE,
    PRESETS,
    Manifest,
    one,
    pods,
    render,
    template,
)  # fmt: skip

pytestmark = pytest.mark.chart
BY_NAME = {path.name.removesuffix("-values.yaml"): path for path in PRESETS}
NOT_KUBERNETES = {
    "HTTPRoute", "PodMonitor", "PrometheusRule", "ScaledObject", "ServiceMonitor", "TriggerAuthentication",
}  # fmt: skip
OF_THE_CLUSTER = {"APIService", "ClusterRole", "ClusterRoleBinding"}
RIGHTS = {"ClusterRole", "ClusterRoleBinding", "RoleBinding"}
FIXED = ("--set", "worker.autoscaling.mode=none")


@pytest.fixture(params=BY_NAME, scope="module")
def preset(request):
    return BY_NAME[request.param]


@pytest.mark.parametrize("version", KUBE_VERSIONS)
def test_every_object_of_every_preset_is_valid(preset, version):
    for manifest in render("--values", preset, "--kube-version", version):
        if manifest["kind"] not in NOT_KUBERNETES:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_an_older_kubernetes_is_refused():
    with pytest.raises(AssertionError, match=r"kubeVersion: >=1\.29"):
        template("--kube-version", "1.28")


def test_a_render_is_the_same_every_time(preset):
    assert _without_generated(template("--values", preset)) == _without_generated(
        template("--values", preset)
    )


@pytest.mark.parametrize("name", ["gitops", "production", "external-redis"])
def test_a_render_that_generates_nothing_is_the_same_to_the_byte(name):
    values = (
        "--values",
        BY_NAME[name],
        *(("--set", "flower.auth.existingSecret=x") if name[0] == "e" else ()),
    )
    assert template(*values) == template(*values)


def test_every_object_is_in_the_release_s_namespace(preset):
    for manifest in render("--values", preset):
        if manifest["kind"] in OF_THE_CLUSTER:
            assert "namespace" not in manifest["metadata"]
        elif not manifest["metadata"]["name"].startswith(f"{NAMESPACE}-"):
            assert manifest["metadata"]["namespace"] == NAMESPACE


def test_every_name_fits_where_kubernetes_appends_to_it(preset):
    for manifest in render("--values", preset, release="a-release-with-a-name-that-is-as-long-as-may-be-yes"):
        assert len(manifest["metadata"]["name"]) <= (253 if manifest["kind"] in RIGHTS else 63)


def test_two_releases_share_no_object_and_no_pod():
    # A cluster has one API of external metrics: a second release is sized otherwise.
    first, second = (render(*FIXED, release=release) for release in ("one", "two"))
    assert not _names(first) & _names(second)
    for other in second:
        if other["kind"] in {"Deployment", "StatefulSet"}:
            wanted = other["spec"]["selector"]["matchLabels"].items()
            assert not any(wanted <= pod["metadata"]["labels"].items() for pod in pods(first).values())


def test_a_new_version_of_the_chart_starts_no_redis_anew(tmp_path):
    newer = tmp_path / "taskbell"
    newer.mkdir()
    for path in CHART.rglob("*"):
        target = newer / path.relative_to(CHART)
        target.mkdir(parents=True, exist_ok=True) if path.is_dir() else target.write_bytes(path.read_bytes())
    chart = yaml.safe_load((newer / "Chart.yaml").read_text()) | {"version": "9.9.9", "appVersion": "9.9.9"}
    (newer / "Chart.yaml").write_text(yaml.safe_dump(chart))
    before, after = render(), list(yaml.safe_load_all(template(chart=newer)))
    redis = [one(found, "StatefulSet", "taskbell-redis")["spec"] for found in (before, after)]
    assert redis[0] == redis[1]
    api = [one(found, "Deployment", "taskbell-api")["spec"]["template"] for found in (before, after)]
    assert [pod["spec"]["containers"][0]["image"] for pod in api] == ["taskbell:0.1.0", "taskbell:9.9.9"]


def _names(found) -> set[tuple[str, str]]:
    return {(manifest["kind"], manifest["metadata"]["name"]) for manifest in found}


def _without_generated(text: str) -> list[Manifest]:
    found = [each for each in yaml.safe_load_all(text) if each]
    for each in found:
        if each["kind"] == "Secret":
            each["data"] = sorted(each.get("data", {}))
    return found
