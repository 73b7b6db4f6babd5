"""Workers that KEDA sizes, down to none and up from there: mode `keda`. It runs where there is KEDA."""

import time
from collections.abc import Iterator

import pytest

from tests.acceptance.calls import eventually
from tests.cluster import scaling
from tests.cluster.kube import Refused, Release, run
from tests.cluster.scaling import Watch, naps

JOBS, SECONDS, MOST = 100, 2, 4


def _has_keda() -> bool:
    try:
        return "keda" in run("kubectl", "get", "deployments", "--namespace", "keda")
    except (Refused, OSError):
        return False


pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not _has_keda(), reason="the cluster has no KEDA (namespace keda)"),
]
SETTINGS = (
    "--set", "worker.autoscaling.mode=keda", "--set", "worker.autoscaling.minReplicas=0",
    "--set", f"worker.autoscaling.maxReplicas={MOST}", "--set", "worker.autoscaling.keda.cooldownSeconds=10",
    *scaling.SETTINGS,
)  # fmt: skip


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
def asleep(release):
    """Each test begins with no worker."""
    with Watch(release) as watch:
        eventually(
            lambda: (watch.now.wanted, watch.now.ready), lambda found: found == (0, 0), within_seconds=120
        )


def test_one_job_wakes_a_pool_of_no_pods_and_it_sleeps_again(release, nap):
    with Watch(release) as watch:
        settled = nap(1, 1).wait_for("settled")
        assert (settled["statuses"], settled["attempts"]) == ({"SUCCESS": 1}, {"1": 1})
        assert settled["seconds"] < 45
        eventually(lambda: watch.now.wanted, lambda found: found == 0, within_seconds=90)


def test_a_burst_takes_a_pool_from_none_to_the_most_and_back(release, nap):
    with Watch(release) as watch:
        settled = nap(JOBS, SECONDS).wait_for("settled")
        eventually(lambda: watch.now.wanted, lambda found: found == 0, within_seconds=120)
    assert (settled["statuses"], settled["attempts"]) == ({"SUCCESS": JOBS}, {"1": JOBS})
    assert max(watch.wanted) == MOST


def test_a_delayed_job_wakes_its_pool_before_it_is_due(release, nap):
    """As long before as the look-ahead says, so that it starts on time."""
    began = time.monotonic()
    with Watch(release) as watch:
        load = nap(1, 1, "?delay=60")
        eventually(lambda: watch.now.ready, lambda found: found > 0, within_seconds=70)
        assert 20 < time.monotonic() - began < 60
        settled = load.wait_for("settled")
    assert settled["statuses"] == {"SUCCESS": 1}
    assert time.monotonic() - began < 75


def test_while_the_api_is_away_no_pod_is_taken_down(release, nap):
    load = nap(JOBS, SECONDS)
    with Watch(release) as watch:
        eventually(lambda: watch.now.ready, lambda found: found == MOST, within_seconds=90)
        release.kube("scale", "deployment", f"{release.full}-api", "--replicas=0")
        away = len(watch.samples)
        time.sleep(60)
        assert min(each.wanted for each in watch.samples[away:]) == MOST
        release.kube("scale", "deployment", f"{release.full}-api", "--replicas=1")
        assert load.wait_for("settled")["statuses"] == {"SUCCESS": JOBS}


def test_the_load_is_told_to_nobody_who_has_no_token(release, client):
    url = f"http://{release.full}-api:8001/api/pools/default/"
    asked = release.kube(
        "exec", client, "--", "python3", "-c",
        "import sys, urllib.request, urllib.error\n"
        "try: urllib.request.urlopen(sys.argv[1])\n"
        "except urllib.error.HTTPError as error: print(error.code)",
        url,
    )  # fmt: skip
    assert asked.strip() == "401"


def test_a_mode_that_has_no_keda_takes_the_pool_over_as_it_is(release, nap):
    load = nap(JOBS, SECONDS)
    with Watch(release) as watch:
        eventually(lambda: watch.now.ready, lambda found: found == MOST, within_seconds=90)
        changed = len(watch.samples)
        release.put(
            *SETTINGS, "--set", "worker.autoscaling.mode=cpu", "--set", "worker.autoscaling.minReplicas=2",
            seconds=120,
        )  # fmt: skip
        settled = load.wait_for("settled")
    assert min(each.wanted for each in watch.samples[changed:]) >= 2
    assert (settled["statuses"], settled["attempts"]) == ({"SUCCESS": JOBS}, {"1": JOBS})
    release.put(*SETTINGS, seconds=120)
