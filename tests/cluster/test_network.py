"""Who reaches whom, seen from pods."""

import json

import pytest

from tests.acceptance.calls import eventually
from tests.cluster.kube import Refused, Release, pod

pytestmark = pytest.mark.cluster
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)"


@pytest.fixture(scope="module")
def release(kube, image):
    release = Release(kube, "taskbell", image=image)
    release.put()
    return release


def reaches(kube, source: str, host: str, port: int) -> bool:
    """Whether a connection is made from a pod to an address."""
    try:
        kube("exec", source, "--", "python3", "-c", CONNECT, host, str(port))
    except Refused as error:
        if "TimeoutError" not in str(error):
            raise
        return False
    return True


def address(kube, name: str) -> str:
    return str(kube("get", "pod", name, "--output", "jsonpath={.status.podIP}"))


def test_a_stranger_reaches_the_api_and_nothing_else(release, kube, client):
    assert reaches(kube, client, f"{release.full}-api", 8001)
    assert not reaches(kube, client, f"{release.full}-redis", 6379)
    assert not reaches(kube, client, f"{release.full}-flower", 5555)
    [redis], [flower] = release.pods("redis"), release.pods("flower")
    assert not reaches(kube, client, address(kube, redis), 6379)
    assert not reaches(kube, client, address(kube, flower), 5555)
    [worker] = release.pods("worker")[:1]
    assert reaches(kube, worker, "127.0.0.1", 8002)
    assert not reaches(kube, client, address(kube, worker), 8002)


def test_a_stranger_reaches_no_worker_whatever_listens_there(release, kube, client):
    [worker] = release.pods("worker")[:1]
    listen = "import http.server as s; s.HTTPServer(('', 8099), s.SimpleHTTPRequestHandler).serve_forever()"
    listener = kube.popen("exec", worker, "--", "python3", "-c", listen)
    try:
        kube(
            "exec",
            worker,
            "--",
            "python3",
            "-c",
            f"import time; time.sleep(1); {CONNECT}",
            "localhost",
            "8099",
        )
        assert not reaches(kube, client, address(kube, worker), 8099)
    finally:
        listener.kill()
        listener.communicate()


def test_a_pod_that_calls_itself_a_part_of_another_release_is_a_stranger(release, kube, image):
    labels = {
        "app.kubernetes.io/name": "taskbell",
        "app.kubernetes.io/instance": "other",
        "app.kubernetes.io/component": "worker",
    }
    kube.apply(pod("other", image, labels=labels))
    kube("wait", "--for=condition=Ready", "pod/other", "--timeout=60s")
    assert not reaches(kube, "other", f"{release.full}-redis", 6379)


def test_workers_reach_redis_and_not_the_api(release, kube):
    [worker] = release.pods("worker")[:1]
    assert reaches(kube, worker, f"{release.full}-redis", 6379)
    assert not reaches(kube, worker, f"{release.full}-api", 8001)


def test_what_a_pool_is_allowed_it_reaches(release, kube):
    release.put("--set-json", 'worker.network.egress=[{"ports":[{"port":8001}]}]')
    [worker] = release.pods("worker")[:1]
    assert reaches(kube, worker, f"{release.full}-api", 8001)


def test_a_worker_s_metrics_are_reached_by_those_who_may_read_them(release, kube, client, image):
    kube.apply(pod("another", image))
    kube("wait", "--for=condition=Ready", "pod/another", "--timeout=60s")
    who = json.dumps([{"podSelector": {"matchLabels": {"app": client}}}])
    release.put("--set-json", f"metrics.network.workersFrom={who}")
    [worker] = release.pods("worker")[:1]
    at = address(kube, worker)
    eventually(lambda: reaches(kube, client, at, 8002), bool)
    assert not reaches(kube, "another", at, 8002)
    assert not reaches(kube, client, at, 8099)
