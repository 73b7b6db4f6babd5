"""A backup, a wipe, and all that was there is there again; another password, and nothing is lost."""

import json
from functools import partial
from typing import Any

import pytest

from tests.acceptance.calls import GOING, curl, eventually, status, submit
from tests.cluster.kube import Load, Release

pytestmark = pytest.mark.cluster
SETTINGS = (
    "--set", "redis.backup.enabled=true", "--set", "flower.enabled=false",
    "--set", "worker.autoscaling.mode=none",
    "--set", "redis.persistence.size=1Gi", "--set", "redis.backup.volume.size=1Gi",
)  # fmt: skip
PASSWORD = ("--set", "redis.auth.value=another-password", "--set", "redis.passwordOverlapSeconds=60")
JOBS = 200


@pytest.fixture(scope="module")
def release(kube, image):
    release = Release(kube, "taskbell", image=image)
    release.put(*SETTINGS)
    return release


def test_what_a_backup_holds_is_there_again_after_a_wipe(release, kube):
    with release.forwarded("api", 8001) as api:
        done = [submit(api, "process", {"data": f"text {n}"}) for n in range(20)]
        for job in done:
            eventually(partial(status, api, job), lambda found: found["status"] not in GOING)
        later = json.loads(curl("-X", "POST", f"{api}/api/tasks/process/?delay=7200", "-d", '{"data": "x"}'))[
            "task_id"
        ]
        before = results(api, [*done, later]), counts(api)
    kube("create", "job", "--from", f"cronjob/{release.full}-redis-backup", "now")
    kube("wait", "--for=condition=complete", "job/now", "--timeout=60s")
    [file] = [word for word in kube("logs", "job/now").split() if word.endswith(".rdb") and "/" not in word][
        -1:
    ]
    wipe(release)
    release.put(*SETTINGS, "--set", f"redis.restoreFrom={file}")
    with release.forwarded("api", 8001) as api:
        # The API's pods lived on, and find Redis again by themselves.
        eventually(lambda: curl(f"{api}/readyz"), lambda found: '"ok"' in found, within_seconds=30)
        assert (results(api, [*done, later]), counts(api)) == before


def test_another_password_loses_nothing(release, client):
    url = f"http://{release.full}-api:8001/api/tasks/nap/"
    load = Load(release.kube, client, url, '{"seconds": 0.3}', str(JOBS))
    try:
        load.wait_for("accepted")
        release.put(*SETTINGS, *PASSWORD, seconds=300)
        settled = load.wait_for("settled")
    finally:
        load.end()
    assert (settled["statuses"], settled["attempts"]) == ({"SUCCESS": JOBS}, {"1": JOBS})
    users = partial(redis_cli, release, "another-password", "ACL", "LIST")
    eventually(lambda: users().count("#"), lambda passwords: passwords == 1, within_seconds=90)
    assert "NOAUTH" in redis_cli(release, "", "PING")


def redis_cli(release: Release, password: str, *command: str) -> str:
    """What Redis answers in its own pod."""
    auth = f"REDISCLI_AUTH={password}"
    return release.kube("exec", *release.pods("redis"), "--", "env", auth, "redis-cli", *command)


def wipe(release: Release) -> None:
    """Redis's volume and all that is on it."""
    kube = release.kube
    redis = f"statefulset/{release.full}-redis"
    kube("scale", redis, "--replicas=0")
    kube("wait", "--for=delete", "pod", "-l", release.selector("redis"), "--timeout=60s")
    kube("delete", "pvc", f"data-{release.full}-redis-0")


def results(api: str, jobs: list[str]) -> list[dict[str, Any]]:
    return [status(api, job) for job in jobs]


def counts(api: str) -> dict[str, Any]:
    return dict(json.loads(curl(f"{api}/api/queues/celery/"))["counts"])
