"""Jobs in flight while a platform team does what it does: each ends once, in SUCCESS.

`CLUSTER_JOBS` says how many are in flight.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.acceptance.calls import curl, eventually
from tests.cluster.kube import Kube, Load, Refused, Release, main_pid, run

pytestmark = pytest.mark.cluster
JOBS = int(os.environ.get("CLUSTER_JOBS") or 300)
NAP = json.dumps({"seconds": 0.3, "note": "long enough to be packed by a release that packs " * 30})
SLOTS = 8
SETTINGS = (
    "--set",
    "worker.autoscaling.mode=none",
    "--set",
    "worker.replicas=2",
    "--set",
    "flower.enabled=false",
)

type Settled = dict[str, Any]
type During = Callable[..., Settled]


@pytest.fixture(scope="module")
def release(kube, image) -> Iterator[Release]:
    release = Release(kube, "taskbell", image=image)
    release.put(*SETTINGS)
    yield release
    release.helm("uninstall", release.name)


@pytest.fixture
def during(release, client) -> During:
    """Does something while jobs are in flight, or while they come in; gives what came of them."""

    def settle(strike: Callable[[], object], *, coming_in: bool = False) -> Settled:
        url = f"http://{release.full}-api:8001/api/tasks/nap/"
        rate = [str(JOBS / 20)] if coming_in else []
        load = Load(release.kube, client, url, NAP, str(JOBS), *rate)
        try:
            if not coming_in:
                assert load.wait_for("accepted")["jobs"] == JOBS
            strike()
            return load.wait_for("settled")
        finally:
            load.end()

    return settle


@pytest.fixture(autouse=True)
def gap(release):
    """After each test the ledger's books are even."""
    yield
    with release.forwarded("api", 8001) as api:
        counts = json.loads(curl(f"{api}/api/queues/celery/"))["counts"]
        assert (counts["gap"], counts["started"], counts["retry"]) == (0, 0, 0)


def all_once(settled: Settled) -> None:
    assert settled["statuses"] == {"SUCCESS": JOBS}
    assert settled["attempts"] == {"1": JOBS}
    assert settled["outcomes"] == {"SUCCESS": JOBS}


def test_an_upgrade_to_a_release_with_another_record_format_cuts_nothing_off(release, during, build):
    before, release.image = release.image, build("two", release.image, "ENV JOBS_RECORD_FORMAT=2")
    try:
        all_once(during(lambda: release.put(*SETTINGS, seconds=180), coming_in=True))
        assert formats(release) == {"1", "2"}
        assert {image_of(release, pod) for pod in release.pods("worker")} == {release.image}
    finally:
        release.image = before


def test_a_rollback_cuts_nothing_off_and_runs_what_the_later_release_recorded(release, during):
    all_once(during(lambda: release.helm("rollback", release.name, "--wait", "--timeout=180s")))
    assert {image_of(release, pod) for pod in release.pods("worker")} == {release.image}


def test_a_worker_pod_that_is_deleted_finishes_what_it_runs(release, during):
    all_once(during(lambda: release.kube("delete", "pod", release.pods("worker")[0])))


def test_the_eviction_of_all_workers_cuts_nothing_off(release, during):
    def drain() -> None:
        for pod in release.pods("worker"):
            evict(release.kube, pod)

    all_once(during(drain))


def test_a_redis_whose_pod_is_deleted_comes_back_with_everything(release, during):
    settled = during(lambda: release.kube("delete", "pod", *release.pods("redis")))
    all_once(settled)


def test_what_a_killed_worker_ran_runs_again(release, during):
    settled = during(lambda: os.kill(main_pid(release.pods("worker")[0]), signal.SIGKILL))
    assert settled["statuses"] == {"SUCCESS": JOBS}
    lost = settled["outcomes"].pop("LOST", 0)
    assert lost <= SLOTS
    assert settled["outcomes"] == {"SUCCESS": JOBS}


@pytest.mark.skipif(
    not os.environ.get("CLUSTER_RESTART"), reason="CLUSTER_RESTART is not set: how to restart the node"
)
def test_a_node_that_restarts_goes_on_where_it_was(release, client):
    before = succeeded(release)
    load = Load(release.kube, client, f"http://{release.full}-api:8001/api/tasks/nap/", NAP, str(JOBS))
    assert load.wait_for("accepted")["jobs"] == JOBS
    load.end()
    run("bash", "-c", os.environ["CLUSTER_RESTART"], timeout=600)
    for component in ("redis", "api", "worker"):
        release.kube(
            "wait", "--for=condition=Ready", "pod", "-l", release.selector(component), "--timeout=180s"
        )
    eventually(lambda: succeeded(release) - before, lambda found: found == JOBS, within_seconds=240)


def formats(release: Release) -> set[str]:
    """The formats in which the jobs that are there were recorded."""
    command = (
        "export REDISCLI_AUTH=$(cat /run/secrets/taskbell/redis-password);"
        " redis-cli --scan --pattern 'tb:job:*' | sed 's/.*/HGET & v/' | redis-cli | sort -u"
    )
    return set(release.kube("exec", *release.pods("redis"), "--", "sh", "-c", command).split())


def succeeded(release: Release) -> int:
    """Jobs of the queue that ended in SUCCESS, ever."""
    with release.forwarded("api", 8001) as api:
        return int(json.loads(curl(f"{api}/api/queues/celery/"))["counts"]["success"])


def image_of(release: Release, pod: str) -> str:
    return release.kube("get", "pod", pod, "--output", "jsonpath={.spec.containers[0].image}")


def evict(kube: Kube, pod: str) -> None:
    """As `kubectl drain` does: again while a budget refuses it."""
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": kube.namespace},
    }
    path = f"/api/v1/namespaces/{kube.namespace}/pods/{pod}/eviction"

    def attempt() -> bool:
        try:
            run("kubectl", "create", "--raw", path, "--filename", "-", stdin=json.dumps(body))
        except Refused as error:
            if "disruption budget" not in str(error):
                raise
            return False
        return True

    eventually(attempt, bool, within_seconds=120)
