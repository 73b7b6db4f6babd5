"""A Redis outside that Sentinels watch: its master is lost, and nothing with it."""

import pytest

from tests.acceptance.calls import eventually
from tests.cluster.conftest import REDIS
from tests.cluster.kube import Release
from tests.cluster.scaling import naps
from tests.cluster.test_externals import FIXED, secret, server, works

pytestmark = pytest.mark.cluster
NODE = (
    "exec redis-server --requirepass of-redis --masterauth of-redis --dir /tmp --appendonly yes"
    " --repl-diskless-sync-delay 0"
)
SENTINEL = """cat >/tmp/sentinel.conf <<END
port 26379
dir /tmp
requirepass of-sentinel
sentinel sentinel-pass of-sentinel
sentinel monitor mymaster {master} 6379 2
sentinel auth-pass mymaster of-redis
sentinel down-after-milliseconds mymaster 2000
sentinel failover-timeout mymaster 10000
END
exec redis-server /tmp/sentinel.conf --sentinel"""
SENTINELS = ("sentinel-0", "sentinel-1", "sentinel-2")
JOBS, SECONDS = 8, 15


@pytest.fixture(scope="module")
def watched(kube, load_images):
    """A master, a replica and three Sentinels."""
    load_images(REDIS)

    def start(name: str, script: str, port: int) -> str:
        kube.apply(*server(name, REDIS, script, port))
        kube("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
        return str(kube("get", "pod", name, "--output", "jsonpath={.status.podIP}"))

    master = start("master", NODE, 6379)
    start("replica", f"{NODE} --replicaof {master} 6379", 6379)
    for name in SENTINELS:
        start(name, SENTINEL.format(master=master), 26379)
    kube.apply(secret("watched", redis_password="of-redis", sentinel_password="of-sentinel"))

    def all_known() -> bool:
        asked = ("redis-cli", "-p", "26379", "-a", "of-sentinel", "sentinel", "master", "mymaster")
        told = kube("exec", SENTINELS[0], "--", *asked).split("\n")
        known = [told[told.index(name) + 1] for name in ("num-slaves", "num-other-sentinels")]
        return bool(known == ["1", "2"])

    eventually(all_known, bool, within_seconds=60)
    return kube


def test_jobs_go_on_when_the_master_is_lost(watched, image, client):
    release = Release(watched, "watched", image=image)
    hosts = ",".join(f"{name}:26379" for name in SENTINELS)
    release.put(
        *FIXED, "--set", "redis.enabled=false",
        "--set", f"externalRedis.url.value=sentinel://{hosts.replace(',', '\\,')}/mymaster/0",
        "--set", "externalRedis.password.existingSecret=watched",
        "--set", "externalRedis.sentinelPassword.existingSecret=watched",
    )  # fmt: skip
    works(release, 100_000)
    with naps(release, client) as nap:
        jobs = nap(JOBS, SECONDS, "?wait=replica")
        watched("delete", "pod", "master", "--force", "--grace-period=0")
        settled = jobs.wait_for("settled")
    assert (settled["statuses"], settled["attempts"]) == ({"SUCCESS": JOBS}, {"1": JOBS})
    works(release, 100_000)
    release.helm("uninstall", release.name, "--wait")
