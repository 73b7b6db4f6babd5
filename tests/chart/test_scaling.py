"""What becomes of a Deployment's number of pods when something else begins or ends to size it."""

from typing import Any

import pytest

from tests.chart.live import render_over
from tests.chart.rendering import NAMESPACE, Manifest, one, render

pytestmark = pytest.mark.chart
PARTS = {"api": ("api", "cpu"), "worker-default": ("worker", "external-metrics")}
"""Each Deployment that may be sized: its values, and a mode."""


def live(deployment: str, pods: int, *managers: tuple[str, str, bool]) -> Manifest:
    """A Deployment: who manages it, by what operation, and whether its number of pods is theirs."""
    fields = [
        {"manager": name, "operation": operation, "fieldsV1": {"f:spec": {"f:replicas": {}} if its else {}}}
        for name, operation, its in managers
    ]
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicas": pods},
        "metadata": {"name": deployment, "namespace": NAMESPACE, "managedFields": fields},
    }  # fmt: skip


def scaled(part: str, *managers: tuple[str, str, bool], pods: int = 3, **autoscaling: Any) -> Any:
    """`replicas` of what is rendered over such a Deployment, once something sizes it."""
    name = f"taskbell-{part}"
    path, mode = PARTS[part]
    wanted = {"mode": mode, "minReplicas": 2} | autoscaling
    args = [arg for key, value in wanted.items() for arg in ("--set", f"{path}.autoscaling.{key}={value}")]
    found = render_over(live(name, pods, *managers), args=tuple(args))
    return one(found, "Deployment", name)["spec"].get("replicas")


@pytest.fixture(params=PARTS)
def part(request):
    return str(request.param)


def test_it_has_no_number_where_there_is_no_cluster_to_look_at(part):
    path, mode = PARTS[part]
    found = render("--set", f"{path}.autoscaling.mode={mode}")
    assert "replicas" not in one(found, "Deployment", f"taskbell-{part}")["spec"]


@pytest.mark.parametrize("manager", ["helm", "helm-controller", "terraform-provider-helm_v3.0.2_x5"])
def test_the_number_that_it_has_is_kept_while_it_is_helm_s(part, manager):
    assert scaled(part, (manager, "Apply", True)) == 3
    assert scaled(part, (manager, "Update", True)) == 3


def test_a_number_that_is_below_the_least_is_raised_to_it(part):
    assert scaled(part, ("helm", "Apply", True), pods=1) == 2


def test_a_number_that_the_autoscaler_has_said_is_left_to_it(part):
    assert scaled(part, ("helm", "Apply", False), ("kube-controller-manager", "Update", True)) is None


def test_helm_that_applies_on_the_client_s_side_keeps_the_number_though_it_is_the_autoscaler_s(part):
    assert scaled(part, ("helm", "Update", False), ("kube-controller-manager", "Update", True)) == 3


def test_a_deployment_of_no_pods_that_nothing_would_wake_is_refused_in_a_line_that_says_what_to_do(part):
    path, mode = PARTS[part]
    command = f"kubectl scale --namespace {NAMESPACE} deployment/taskbell-{part} --replicas=1"
    with pytest.raises(AssertionError) as refusal:
        scaled(part, ("helm", "Apply", False), ("kubectl", "Update", True), pods=0)
    assert f"{path}.autoscaling.mode: {mode} does nothing" in str(refusal.value)
    assert command in str(refusal.value)


def test_an_autoscaler_that_is_turned_off_wants_what_the_release_wants_before_it_goes(part):
    path, _ = PARTS[part]
    name = f"taskbell-{part}"
    autoscaler: Manifest = {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "name": name, "namespace": NAMESPACE, "labels": {"app.kubernetes.io/managed-by": "Helm"},
        },
    }  # fmt: skip
    args = ("--set", f"{path}.autoscaling.mode=none", "--set", f"{path}.replicas=4")
    found = render_over(live(name, 3), autoscaler, args=args)
    last = one(found, "HorizontalPodAutoscaler", name)
    assert last["metadata"]["annotations"]["helm.sh/hook"] == "pre-upgrade"
    assert (last["spec"]["minReplicas"], last["spec"]["maxReplicas"]) == (4, 4)
    assert one(found, "Deployment", name)["spec"]["replicas"] == 4
