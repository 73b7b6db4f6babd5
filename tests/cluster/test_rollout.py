"""Callers of the API notice no rollout."""

import json

import pytest

from tests.cluster.kube import Load, Release

pytestmark = pytest.mark.cluster
PER_SECOND, SECONDS = 50, 40


@pytest.fixture(scope="module")
def release(kube, image):
    release = Release(kube, "taskbell", image=image)
    release.put("--set", "flower.enabled=false")
    return release


def test_no_request_fails_while_the_api_is_rolled_out(release, client):
    url = f"http://{release.full}-api:8001/api/tasks/process/"
    load = Load(
        release.kube, client, url, json.dumps({"data": "x"}), str(PER_SECOND * SECONDS), str(PER_SECOND)
    )
    try:
        release.kube("rollout", "restart", f"deployment/{release.full}-api")
        release.kube("rollout", "status", f"deployment/{release.full}-api", "--timeout=120s")
        accepted = load.wait_for("accepted")
        assert accepted["jobs"] == PER_SECOND * SECONDS
        settled = load.wait_for("settled")
    finally:
        load.end()
    assert settled["refused"] == {}
    assert settled["statuses"] == {"SUCCESS": PER_SECOND * SECONDS}
