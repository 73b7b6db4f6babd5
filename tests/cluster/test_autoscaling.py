"""Workers follow the backlog, up and down, and nothing is lost to it: mode `external-metrics`."""

import json
import sys
import time
from collections.abc import Iterator

import pytest

from tests.acceptance.calls import curl, eventually
from tests.cluster import scaling
from tests.cluster.conftest import namespace
from tests.cluster.kube import Refused, Release, events, pod, run
from tests.cluster.scaling import Watch, naps

pytestmark = pytest.mark.cluster
API = "v1beta1.external.metrics.k8s.io"
METRIC = "/apis/external.metrics.k8s.io/v1beta1/namespaces/{}/taskbell_autoscale_load"
JOBS, SECONDS, SLOTS, MOST = 400, 2, 4, 6
SETTINGS = ("--set", f"worker.autoscaling.maxReplicas={MOST}", *scaling.SETTINGS)
PATIENT = ("--set", "worker.autoscaling.behavior.scaleDown.stabilizationWindowSeconds=300")
"""As the chart's own: when the last jobs end, nothing goes down at once."""


@pytest.fixture(scope="module")
def release(kube, image) -> Iterator[Release]:
    release = Release(kube, "taskbell", image=image)
    release.put(*SETTINGS, seconds=120)
    yield release
    release.helm("uninstall", release.name)


@pytest.fixture
def nap(release, client):
    with naps(release, client) as submit:
        yield submit


@pytest.fixture(autouse=True)
def small(release):
    """Each test begins and ends with one worker, and with books that are even."""
    _wait_for(release, 1)
    yield
    with release.forwarded("api", 8001) as api:
        counts = json.loads(curl(f"{api}/api/queues/celery/"))["counts"]
        assert (counts["gap"], counts["started"], counts["retry"]) == (0, 0, 0)


def test_a_burst_takes_the_workers_to_the_most_and_back_to_one(release, nap):
    with Watch(release) as watch:
        began = time.monotonic()
        load = nap(JOBS, SECONDS)
        settled = load.wait_for("settled")
        ended = time.monotonic()
        told = release.kube("describe", "hpa")
        [load] = json.loads(run("kubectl", "get", "--raw", METRIC.format(release.kube.namespace)))["items"]
        _wait_for(release, 1)
    assert settled["statuses"] == {"SUCCESS": JOBS}
    assert settled["attempts"] == {"1": JOBS}
    first = next(each.at for each in watch.samples if each.wanted > 1)
    assert first - began < 20
    assert max(watch.wanted) == MOST
    # The jobs had 1.3 times the slots that arithmetic gives them, and a look's time until that is seen.
    assert watch.slots_seconds(ended - 2, SLOTS) < 1.3 * JOBS * SECONDS + SLOTS * MOST
    assert "ScalingActive   True    ValidMetricFound" in told
    assert load["metricLabels"] == {"release": "taskbell", "pool": "default"}


@pytest.mark.slow
@pytest.mark.parametrize("costs", [True, False])
def test_with_deletion_costs_idle_pods_go_and_without_them_the_younger(release, nap, costs):
    """One slot a pod: the first pod's job ends, those of the younger go on.

    Kubernetes rounds ages down to a power of two, and chooses at random among pods of one age. So the first
    pod is so old that it is twice as old as the younger for as long as their jobs go on.
    """
    seconds = 75
    release.put(
        *SETTINGS, "--set", "worker.concurrency=1",
        "--set", "worker.autoscaling.targetUtilizationPercentage=100",
        "--set", f"controller.enabled={str(costs).lower()}", seconds=120,
    )  # fmt: skip
    _wait_for(release, 1)
    [oldest] = release.pods("worker")
    eventually(lambda: _age_seconds(release, oldest) > seconds, bool, within_seconds=2 * seconds)
    first = nap(1, 35)
    long = nap(2, seconds)
    _wait_for(release, 3)
    assert first.wait_for("settled")["statuses"] == {"SUCCESS": 1}
    _wait_for(release, 2)
    gone = {oldest} - set(release.pods("worker"))
    assert bool(gone) == costs
    settled = long.wait_for("settled")
    assert (settled["statuses"], settled["attempts"]) == ({"SUCCESS": 2}, {"1": 2})
    release.put(*SETTINGS, seconds=120)


@pytest.mark.slow
def test_jobs_that_wait_for_something_else_are_nothing_to_cpu(release, nap, capsys):
    """The same jobs, with workers that are sized by CPU and by the backlog: why CPU is not the default."""
    took, most = {}, {}
    for mode in ("cpu", "external-metrics"):
        request = ("--set", "worker.resources.requests.cpu=100m")
        release.put(*SETTINGS, *request, "--set", f"worker.autoscaling.mode={mode}", seconds=120)
        _wait_for(release, 1)
        with Watch(release) as watch:
            began = time.monotonic()
            settled = nap(JOBS // 2, SECONDS).wait_for("settled")
            took[mode], most[mode] = time.monotonic() - began, max(watch.wanted)
        assert settled["statuses"] == {"SUCCESS": JOBS // 2}
    with capsys.disabled():
        sys.stdout.write(f"\n{JOBS // 2} jobs of {SECONDS} s: seconds {took}, most pods {most}\n")
    release.put(*SETTINGS, seconds=120)
    assert most == {"cpu": 1, "external-metrics": MOST}
    assert took["cpu"] > 1.5 * took["external-metrics"]


@pytest.mark.slow
def test_while_redis_is_away_the_workers_stay_as_many_as_they_are(release, nap):
    load = nap(JOBS, SECONDS)
    _wait_for(release, MOST)
    release.kube("scale", "statefulset", f"{release.full}-redis", "--replicas=0")
    with Watch(release) as watch:
        eventually(
            lambda: "ScalingActive   False" in release.kube("describe", "hpa"), bool, within_seconds=60
        )
        time.sleep(60)
    assert set(watch.wanted) == {MOST}
    release.kube("scale", "statefulset", f"{release.full}-redis", "--replicas=1")
    settled = load.wait_for("settled")
    assert settled["statuses"] == {"SUCCESS": JOBS}


@pytest.mark.slow
def test_while_the_adapter_is_away_the_cluster_goes_on_and_the_workers_stay(release, nap):
    load = nap(JOBS, SECONDS)
    _wait_for(release, MOST)
    release.kube("scale", "deployment", f"{release.full}-metrics-adapter", "--replicas=0")
    with Watch(release) as watch:
        eventually(lambda: API not in run("kubectl", "get", "apiservices"), bool, within_seconds=60)
        assert "taskbell" in release.kube("get", "pods")
        with namespace() as other:
            other.apply(pod("pod", release.image))
            run("kubectl", "delete", "namespace", other.namespace, "--timeout=60s")
    assert set(watch.wanted) == {MOST}
    release.kube("scale", "deployment", f"{release.full}-metrics-adapter", "--replicas=2")
    assert load.wait_for("settled")["statuses"] == {"SUCCESS": JOBS}
    eventually(lambda: API in run("kubectl", "get", "apiservices"), bool, within_seconds=60)


@pytest.mark.slow
def test_a_change_of_mode_under_load_drops_nothing_and_never_falls_to_one(release, nap):
    settled = []
    release.put(*SETTINGS, "--set", "worker.autoscaling.mode=none", "--set", "worker.replicas=3", seconds=120)
    try:
        for mode in ("external-metrics", "cpu", "none"):
            load = nap(150, SECONDS)
            with Watch(release) as watch:
                more = ("--set", "worker.replicas=3", "--set", f"worker.autoscaling.mode={mode}", *PATIENT)
                # The number of pods is the autoscaler's by now; only who says so may take it back.
                release.put(
                    *SETTINGS, *more, *(("--force-conflicts",) if mode == "none" else ()), seconds=120
                )
                settled.append(load.wait_for("settled"))
            assert min(watch.wanted) >= 2, mode
    finally:
        release.put(*SETTINGS, "--force-conflicts", seconds=120)
    for each in settled:
        assert (each["statuses"], each["attempts"]) == ({"SUCCESS": 150}, {"1": 150})


def test_an_autoscaler_that_is_turned_off_is_gone_before_its_pods_are_another_number(release):
    """It would take that number back, now and then: it looks every 15 s, and an upgrade takes a few."""
    name = f"{release.full}-worker-default"
    try:
        with (
            events(release.kube, "hpa", name) as autoscaler,
            events(release.kube, "deployment", name) as pool,
        ):
            more = ("--set", "worker.autoscaling.mode=none", "--set", "worker.replicas=3")
            release.put(*SETTINGS, *more, "--force-conflicts", seconds=120)
        gone = min(each.version for each in autoscaler if each.type == "DELETED")
        three = min(each.version for each in pool if each.replicas == "3")
        assert gone < three
        assert {each.replicas for each in pool if each.version > three} == {"3"}
        assert release.kube("get", "hpa", "--output", "name") == ""
    finally:
        release.put(*SETTINGS, "--force-conflicts", seconds=120)


def test_a_second_release_is_told_who_has_the_api(release):
    with namespace() as other, pytest.raises(Refused) as refusal:
        Release(other, "second", image=release.image).put(*SETTINGS)
    assert f"Service {release.full}-metrics-adapter of namespace {release.kube.namespace} serves it" in str(
        refusal.value
    )
    assert "set worker.autoscaling.mode=keda if that is KEDA, else cpu or none" in str(refusal.value)


def _wait_for(release: Release, pods: int) -> None:
    def ready() -> int:
        found = json.loads(
            release.kube("get", "deployment", f"{release.full}-worker-default", "--output", "json")
        )
        return int(found["status"].get("readyReplicas", 0)) if found["spec"]["replicas"] == pods else -1

    eventually(ready, lambda found: found == pods, within_seconds=150)


def _age_seconds(release: Release, name: str) -> float:
    made = release.kube("get", "pod", name, "--output", "jsonpath={.status.startTime}")
    return time.time() - time.mktime(time.strptime(made, "%Y-%m-%dT%H:%M:%SZ")) + time.timezone
