"""What becomes of a long job when its pod ends."""

import json
from typing import Any

import pytest

from tests.acceptance.calls import eventually, submit
from tests.cluster.kube import Release

pytestmark = pytest.mark.cluster
FIXED = ("--set", "worker.autoscaling.mode=none", "--set", "flower.enabled=false", "--set", "api.replicas=1")


@pytest.fixture(scope="module")
def release(kube, image):
    return Release(kube, "taskbell", image=image)


def detail(release: Release, job: str) -> dict[str, Any]:
    """A job as the API tells it, through the API server: a port-forward may hang when pods end."""
    service = f"/api/v1/namespaces/{release.kube.namespace}/services/{release.full}-api:http/proxy"
    return dict(json.loads(release.kube("get", "--raw", f"{service}/api/jobs/{job}/")))


def run_while_its_pod_ends(release: Release, seconds: float) -> dict[str, Any]:
    """The end of a job whose pod was deleted while it ran."""
    with release.forwarded("api", 8001) as api:
        job = submit(api, "nap", {"seconds": seconds})
    running = eventually(lambda: detail(release, job), lambda found: found["status"] == "STARTED")
    release.kube("delete", "pod", running["worker"].partition("@")[2], "--wait=false")
    return eventually(
        lambda: detail(release, job), lambda found: found["status"] == "SUCCESS", within_seconds=120
    )


def test_bounded_hands_back_a_job_that_is_longer_than_the_grace_period(release):
    release.put(*FIXED, "--set", "worker.shutdown.profile=bounded", "--set", "worker.shutdown.seconds=5")
    found = run_while_its_pod_ends(release, 20)
    assert (found["attempt"], found["lost"]) == (1, 0)
    assert [attempt["outcome"] for attempt in found["attempts"]] == ["PENDING", "SUCCESS"]
    first, second = found["attempts"]
    assert first["worker"] != second["worker"]


def test_drain_lets_it_finish(release):
    release.put(*FIXED, "--set", "worker.shutdown.profile=drain", "--set", "worker.shutdown.seconds=60")
    found = run_while_its_pod_ends(release, 20)
    assert [attempt["outcome"] for attempt in found["attempts"]] == ["SUCCESS"]
