"""What Prometheus reads of an installation, as the chart sets it up."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.calls import GOING, curl, eventually, status, submit
from tests.cluster.kube import Release, run

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def release(kube, image):
    release = Release(kube, "taskbell", image=image)
    release.put(
        "--set", "worker.autoscaling.mode=none", "--set", "worker.replicas=2",
        # The API server asks for the test; what of it a cluster's network lets through differs.
        "--set-json", "metrics.network.workersFrom=[{}]",
    )  # fmt: skip
    return release


def read(release: Release, service: str, path: str) -> dict[tuple[str, str], float]:
    """A page as Prometheus would get it: the sum of each metric, by name and task or route."""
    return page_at(release, f"services/{release.full}-{service}:http/proxy{path}")


def page_at(release: Release, address: str) -> dict[tuple[str, str], float]:
    where = f"/api/v1/namespaces/{release.kube.namespace}/{address}"
    found: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(run("kubectl", "get", "--raw", where)):
        for sample in family.samples:
            at = sample.name, sample.labels.get("task") or sample.labels.get("route") or ""
            found[at] = found.get(at, 0) + sample.value
    return found


def test_one_pod_tells_of_all_jobs_and_goes_on_after_its_end(release):
    with release.forwarded("api", 8001) as api:
        jobs = [submit(api, "process", {"data": "hello"}) for _ in range(20)]
        eventually(lambda: {status(api, job)["status"] for job in jobs}, lambda all_: not all_ & set(GOING))
        assert "taskbell_build_info" in curl(f"{api}/metrics")
    page = read(release, "metrics", "/metrics/ledger")
    assert page["taskbell_jobs_finished_total", "process"] == 20
    assert page["taskbell_accounting_gap", ""] == 0
    assert page["taskbell_workers", ""] == 2
    [pod] = release.pods("metrics")
    release.kube("delete", "pod", pod)
    eventually(lambda: len(set(release.pods("metrics")) - {pod}), bool, within_seconds=60)
    release.kube("rollout", "status", f"deployment/{release.full}-metrics", "--timeout=60s")
    after = read(release, "metrics", "/metrics/ledger")
    assert after["taskbell_jobs_finished_total", "process"] == 20


def test_an_api_pod_tells_of_its_own_requests(release):
    page = read(release, "api", "/metrics")
    assert page["taskbell_http_requests_total", "/readyz/"] > 0


def test_each_worker_pod_tells_of_itself(release):
    workers = release.pods("worker")
    assert len(workers) == 2
    for pod in workers:
        page = page_at(release, f"pods/{pod}:8002/proxy/metrics")
        assert page["taskbell_worker_slots", ""] == page["taskbell_worker_processes", ""] > 0
        assert page["taskbell_worker_renewals_total", ""] > 0
