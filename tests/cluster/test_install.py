"""`helm install` with its defaults, and what a user does next."""

import base64
import json
from functools import partial

import pytest

from tests.acceptance.calls import GOING, curl, eventually, status, submit
from tests.cluster.conftest import namespace
from tests.cluster.kube import READY_SECONDS, Release, run

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def installed(kube, image) -> tuple[Release, float]:
    release = Release(kube, "taskbell", image=image)
    return release, release.put()


@pytest.fixture
def release(installed):
    return installed[0]


def test_it_is_ready_in_time(installed):
    assert installed[1] < READY_SECONDS


def test_helm_test_submits_a_job_and_sees_its_success(release):
    told = release.helm("test", release.name, "--logs", "--timeout=90s")
    assert "Phase:          Succeeded" in told
    assert '"status": "SUCCESS", "result": {"processed_data": "HELLO"}' in told


def test_the_two_calls_are_answered_through_a_port_forward(release):
    with release.forwarded("api", 8001) as api:
        job = submit(api, "process", {"data": "hello"})
        found = eventually(lambda: status(api, job), lambda found: found["status"] not in GOING)
        assert found == {"task_id": job, "status": "SUCCESS", "result": {"processed_data": "HELLO"}}


def test_a_large_result_is_in_redis_and_can_be_read(release):
    with release.forwarded("api", 8001) as api:
        job = json.loads(
            curl("-X", "POST", f"{api}/api/tasks/large/?queue=celery", "-d", '{"size": 3000000}')
        )["task_id"]
        found = eventually(lambda: status(api, job), lambda found: found["status"] not in GOING)
        assert found["result"]["size_bytes"] == 3_000_002
        assert len(curl(f"{api}{found['result']['url']}")) == 3_000_002


def test_flower_wants_a_password_and_shows_workers_and_jobs(release):
    command = release.kube(
        "get", "secret", release.full, "--output", "jsonpath={.data.flower-auth}"
    )  # fmt: skip
    login = base64.b64decode(command).decode()
    with release.forwarded("flower", 5555) as flower:
        assert "401" in curl("--include", f"{flower}/")
        workers = json.loads(curl("--user", login, f"{flower}/api/workers?refresh=1"))
        assert len(workers) == 1
        with release.forwarded("api", 8001) as api:
            job = submit(api, "process", {"data": "hello"})
        shown = partial(curl, "--user", login, f"{flower}/api/task/info/{job}")
        told = json.loads(eventually(shown, lambda told: '"SUCCESS"' in told))
        assert told["name"] == "process"
        assert told["worker"] in workers


SMALL = (
    "--set", "flower.enabled=false", "--set", "api.replicas=1", "--set", "worker.autoscaling.mode=none",
    "--set", "worker.resources.requests.cpu=20m",
)  # fmt: skip


def test_a_second_release_in_the_namespace_and_one_in_another_share_no_job(release, kube, image):
    with namespace() as elsewhere:
        others = [Release(kube, "other", image=image), Release(elsewhere, "taskbell", image=image)]
        for other in others:
            other.put(*SMALL)
            with release.forwarded("api", 8001) as first, other.forwarded("api", 8001) as second:
                job = submit(first, "process", {"data": "hello"})
                assert json.loads(curl(f"{second}/api/tasks/status/{job}/"))["status"] == 404
                own = submit(second, "process", {"data": "hello"})
                eventually(partial(status, second, own), lambda found: found["status"] == "SUCCESS")


def test_the_notes_tell_what_an_uninstall_leaves(release):
    told = release.helm("get", "notes", release.name)
    kept = "Secret taskbell with the generated passwords, volume claim data-taskbell-redis-0"
    assert f"An uninstall leaves: {kept}." in told


def test_an_uninstall_leaves_the_volume_and_the_secret_and_says_so(release, kube):
    assert "[Secret] taskbell" in release.helm("uninstall", release.name, "--wait")
    kinds = (
        "all", "configmap", "pvc", "secret", "serviceaccount", "networkpolicy", "pdb", "hpa", "job", "role",
        "rolebinding",
    )  # fmt: skip
    own = f"app.kubernetes.io/instance={release.name}"

    def left() -> set[str]:
        found = (item for kind in kinds for item in kube.list(kind, own))
        return {f"{item['kind']}/{item['metadata']['name']}" for item in found}

    wanted = {"Secret/taskbell", "PersistentVolumeClaim/data-taskbell-redis-0"}
    try:
        eventually(left, lambda found: found == wanted, within_seconds=60)
        everywhere = run("kubectl", "get", "clusterrole,clusterrolebinding,apiservice", "--output", "name")
        assert f"/{kube.namespace}-" not in everywhere
        assert "external.metrics" not in everywhere
        assert kube.namespace not in run("kubectl", "get", "rolebinding", "--namespace", "kube-system")
    finally:
        release.put()
