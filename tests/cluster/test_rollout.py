"""Callers of the API notice no rollout."""

import json

import pytest

from tests.cluster.kube import Load, Release, events

pytestmark = pytest.mark.cluster
PER_SECOND, SECONDS = 50, 40
SETTINGS = ("--set", "flower.enabled=false")


@pytest.fixture(scope="module")
def release(kube, image):
    release = Release(kube, "taskbell", image=image)
    release.put(*SETTINGS)
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
        assert accepted["jobs"] / accepted["seconds"] >= 0.9 * PER_SECOND
        settled = load.wait_for("settled")
    finally:
        load.end()
    assert settled["refused"] == {}
    assert settled["statuses"] == {"SUCCESS": PER_SECOND * SECONDS}


def test_an_autoscaler_that_an_upgrade_turns_on_for_the_api_takes_no_pod_on_the_way(release):
    name = f"{release.full}-api"
    with events(release.kube, "deployment", name) as api:
        release.put(*SETTINGS, "--set", "api.autoscaling.mode=cpu")
        assert name in release.kube("get", "hpa", "--output", "name")
    assert min(int(each.replicas) for each in api) == 2
