"""Every alert, made to fire by its trouble in a real installation, and to resolve when that is over."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from charts.monitoring.alerts import ALERTS
from tests.acceptance.calls import GOING, curl, eventually, status, submit
from tests.cluster.kube import Release, main_pid
from tests.cluster.prometheus import DOCKERFILE, IMAGE, Alarms, alarms

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
TINY = {"queues": {"tiny": {"max_length": 1}}}
POOLS = {"default": {"queues": ["celery", "tiny"], "objectiveSeconds": 5}}
PROMETHEUS = [{"podSelector": {"matchLabels": {"app": "prometheus"}}}]
TWO_DAYS, NINETY_DAYS = 172_800, 7_776_000
SETTINGS = (
    "--set", "flower.enabled=false", "--set", "api.replicas=1", "--set", "worker.resources.requests.cpu=50m",
    "--set-json", f"config={json.dumps(TINY)}", "--set-json", f"worker.pools={json.dumps(POOLS)}",
    "--set-json", f"metrics.network.workersFrom={json.dumps(PROMETHEUS)}",
)  # fmt: skip


@pytest.fixture(scope="module")
def release(kube, image) -> Iterator[Release]:
    release = Release(kube, "taskbell", image=image)
    release.put(*SETTINGS, "--set", f"metricsAdapter.certificate.seconds={TWO_DAYS}", seconds=120)
    yield release
    release.helm("uninstall", release.name)


@pytest.fixture(scope="module")
def site(release, load_images) -> Iterator["Site"]:
    """It has run a job of each kind, so that each counter is there before it rises."""
    subprocess.run(
        ["docker", "build", "--quiet", "--tag", IMAGE, "-"], input=DOCKERFILE, text=True, check=True
    )
    load_images(IMAGE)
    with release.forwarded("api", 8001) as api:
        first = [submit(api, "owed", {"fails": fails}) for fails in (True, False)]
        eventually(lambda: {status(api, each)["status"] for each in first}, set(GOING).isdisjoint)
    with alarms(release.kube) as watching:
        yield Site(release, watching)


class Site:
    """An installation, and who watches it."""

    def __init__(self, release: Release, watching: Alarms) -> None:
        self.release = release
        self.alarms = watching

    def api(self) -> AbstractContextManager[str]:
        return self.release.forwarded("api", 8001)

    def submit(self, task: str, body: object, count: int = 1, query: str = "") -> None:
        """Whatever the API answers."""
        with self.api() as api:
            url = f"{api}/api/tasks/{task}/{query}"
            for _ in range(count):
                curl("-X", "POST", url, "-d", json.dumps(body))

    def redis(self, *command: str) -> str:
        asked = 'REDISCLI_AUTH=$(cat /run/secrets/taskbell/redis-password) exec redis-cli "$@"'
        return self.release.kube("exec", *self.release.pods("redis"), "--", "sh", "-c", asked, "-", *command)

    @contextmanager
    def scaled_to_none(self, what: str) -> Iterator[None]:
        self.release.kube("scale", what, "--replicas=0")
        try:
            yield
        finally:
            self.release.kube("scale", what, "--replicas=1")
            self.release.kube("rollout", "status", what, "--timeout=120s")

    @contextmanager
    def set_to(self, setting: str, value: str) -> Iterator[None]:
        before = self.redis("CONFIG", "GET", setting).split()[1]
        assert before != value
        self.redis("CONFIG", "SET", setting, value)
        try:
            yield
        finally:
            self.redis("CONFIG", "SET", setting, before)

    @contextmanager
    def refused_by_redis(self, component: str) -> Iterator[None]:
        """The network lets these pods no more to Redis, and they lose the connections that they have."""
        name = f"{self.release.full}-redis"
        before = json.loads(self.release.kube("get", "networkpolicy", name, "--output", "json"))
        [rule] = before["spec"]["ingress"]
        left = [
            peer
            for peer in rule["from"]
            if peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] != component
        ]
        assert len(left) == len(rule["from"]) - 1
        patch = json.dumps({"spec": {"ingress": [rule | {"from": left}]}})
        self.release.kube("patch", "networkpolicy", name, "--type=merge", "--patch", patch)
        try:
            # More than once: the network takes its time, and who was let in meanwhile stays.
            with self.again_and_again(lambda: self.redis("CLIENT", "KILL", "TYPE", "normal"), 5):
                yield
        finally:
            patch = json.dumps({"spec": {"ingress": before["spec"]["ingress"]}})
            self.release.kube("patch", "networkpolicy", name, "--type=merge", "--patch", patch)

    @contextmanager
    def again_and_again(self, act: Callable[[], object], seconds: float) -> Iterator[None]:
        """Does something every so often for as long as it is entered."""
        ended = threading.Event()

        def keep_on() -> None:
            while not ended.is_set():
                act()
                ended.wait(seconds)

        thread = threading.Thread(target=keep_on)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


shown: set[str] = set()


def fires(site: Site, *names: str) -> None:
    site.alarms.wait_for(*names)
    shown.update(names)


def test_prometheus_reads_all_that_it_is_told_to(site):
    wanted = {
        "taskbell-ledger": "up",
        "taskbell-api": "up",
        "taskbell-workers": "up",
        "taskbell-metrics-adapter": "up",
    }
    eventually(site.alarms.targets, lambda found: wanted.items() <= found.items())


def test_a_certificate_that_is_about_to_end(site):
    """First: a release whose certificate lives for two days has the trouble from its start."""
    fires(site, "TaskbellAdapterCertificateExpires")
    ninety_days = ("--set", f"metricsAdapter.certificate.seconds={NINETY_DAYS}")
    site.release.put(*SETTINGS, *ninety_days, seconds=120)
    site.alarms.wait_until_over("TaskbellAdapterCertificateExpires")


def test_workers_that_are_not_there(site):
    names = (
        "TaskbellNoWorkers", "TaskbellNothingConsumed", "TaskbellQueueNotServed", "TaskbellJobsWaitTooLong",
    )  # fmt: skip
    with site.scaled_to_none(f"deployment/{site.release.full}-worker-default"):
        eventually(lambda: site.release.pods("worker"), lambda found: not found, within_seconds=60)
        site.submit("nap", {"seconds": 0})
        fires(site, *names)
    site.alarms.wait_until_over(*names)


def test_a_task_that_fails(site):
    names = (
        "TaskbellTaskFails", "TaskbellDeadLettersGrow", "TaskbellObjectiveBurnsFast",
        "TaskbellObjectiveBurns",
    )  # fmt: skip
    site.submit("owed", {"fails": True}, count=30)
    fires(site, *names)
    with site.api() as api:
        curl("--fail", "-X", "POST", f"{api}/api/queues/celery/dead-letters/discard/?task=owed")
    site.alarms.wait_until_over(*names)


def test_a_job_that_somebody_takes_out_of_redis(site):
    with site.api() as api:
        curl("--fail", "-X", "POST", f"{api}/api/queues/celery/pause/")
        job = submit(api, "nap", {"seconds": 0})
        stamp = site.redis("ZSCORE", "tb:waiting:celery", job).strip()
        site.redis("ZREM", "tb:waiting:celery", job)
        fires(site, "TaskbellAccountingGap")
        site.redis("ZADD", "tb:waiting:celery", stamp, job)
        curl("--fail", "-X", "POST", f"{api}/api/queues/celery/resume/")
        eventually(lambda: status(api, job)["status"], lambda found: found == "SUCCESS")
    site.alarms.wait_until_over("TaskbellAccountingGap")


def test_a_queue_that_is_at_its_length(site):
    with site.api() as api:
        curl("--fail", "-X", "POST", f"{api}/api/queues/tiny/pause/")
    site.submit("nap", {"seconds": 0}, count=5, query="?queue=tiny")
    fires(site, "TaskbellQueueFull")
    with site.api() as api:
        curl("--fail", "-X", "POST", f"{api}/api/queues/tiny/resume/")
    site.alarms.wait_until_over("TaskbellQueueFull")


def test_a_redis_that_is_full(site):
    fill = "for at = 1, 8 do redis.call('SET', KEYS[1] .. at, string.rep('x', 1048576)) end"
    used, most = 0, int(site.redis("CONFIG", "GET", "maxmemory").split()[1])
    assert most
    for number in range(1000):
        told = dict(line.split(":", 1) for line in site.redis("INFO", "memory").splitlines() if ":" in line)
        used = int(told["used_memory"])
        if used > 0.92 * most:
            break
        site.redis("EVAL", fill, "1", f"rubbish:{number}:")
    assert used > 0.92 * most
    eventually(lambda: site.redis("HGET", "tb:tick", "full").strip(), lambda found: found == "1")
    site.submit("nap", {"seconds": 0}, count=5)
    fires(site, "TaskbellRedisAlmostFull", "TaskbellLedgerFull")
    clean = "for _, key in ipairs(redis.call('KEYS', 'rubbish:*')) do redis.call('UNLINK', key) end"
    site.redis("EVAL", clean, "0")
    site.alarms.wait_until_over("TaskbellRedisAlmostFull", "TaskbellLedgerFull")


def test_a_worker_that_falls_silent(site):
    site.submit("nap", {"seconds": 300})
    with site.api() as api:
        counts = f"{api}/api/queues/celery/"
        eventually(lambda: json.loads(curl(counts))["counts"]["started"], bool)
        os.kill(main_pid(site.release.pods("worker")[0]), signal.SIGKILL)
        fires(site, "TaskbellLeasesLost")
        curl("--fail", "-X", "POST", f"{api}/api/jobs/cancel/?task=nap")
    site.alarms.wait_until_over("TaskbellLeasesLost")


def test_a_task_whose_process_dies_again_and_again(site):
    with site.again_and_again(lambda: site.submit("dies", {}), 5):
        fires(site, "TaskbellAttemptsLost")
    site.alarms.wait_until_over("TaskbellAttemptsLost")


def test_pool_processes_that_die_without_a_job(site):
    def kill() -> None:
        main = main_pid(site.release.pods("worker")[0])
        first, *_ = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        os.kill(int(first), signal.SIGKILL)

    with site.again_and_again(kill, 3):
        fires(site, "TaskbellPoolProcessesDie")
    site.alarms.wait_until_over("TaskbellPoolProcessesDie")


def test_a_worker_that_is_cut_off_from_redis(site):
    with site.refused_by_redis("worker"):
        fires(site, "TaskbellWorkerOutOfReach")
    site.alarms.wait_until_over("TaskbellWorkerOutOfReach")


def test_a_redis_that_is_away(site):
    with site.scaled_to_none(f"statefulset/{site.release.full}-redis"):
        fires(site, "TaskbellLedgerAway")
    site.alarms.wait_until_over("TaskbellLedgerAway")


def test_an_api_that_answers_with_errors(site):
    """Redis is there, and takes nothing: it wants a replica that there is not."""
    with site.set_to("min-replicas-to-write", "1"):
        with site.again_and_again(lambda: site.submit("nap", {"seconds": 0}, count=10), 0.1):
            fires(site, "TaskbellApiErrors")
        fires(site, "TaskbellTickStopped")
    site.alarms.wait_until_over("TaskbellApiErrors", "TaskbellTickStopped")


def test_a_prometheus_that_reads_no_ledger(site):
    with site.scaled_to_none(f"deployment/{site.release.full}-metrics"):
        fires(site, "TaskbellLedgerNotRead")
    site.alarms.wait_until_over("TaskbellLedgerNotRead")


def test_a_redis_that_keeps_no_file(site):
    with site.set_to("appendonly", "no"):
        fires(site, "TaskbellRedisNotDurable")
    site.alarms.wait_until_over("TaskbellRedisNotDurable")


def test_every_alert_was_shown():
    """Last; it needs the others."""
    assert shown == {alert.name for alert in ALERTS}
