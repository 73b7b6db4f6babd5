"""The controller: idle pods go first, and an API that nothing serves goes."""

import signal
import sys
from datetime import timedelta

import pytest

from jobs.conf import Settings
from jobs.controller import costs as module
from jobs.controller.costs import COST, Costs
from jobs.controller.guard import Guard, Guarded
from jobs.kubernetes import KubernetesError, api_service_path, pod_path
from jobs.ledger import Holder, KnownTasks, Ledger
from jobs.limits import Limits
from tests.integration.a_job import DONE, a_job
from tests.servers import Running, environment, running_valkey
from tests.workers import eventually

API_SERVICE = api_service_path("v1beta1.external.metrics.k8s.io")
LONG_NAME = "a-release-with-a-long-name-taskbell-worker-and-a-pool-79d84b666d-7dfvk"


@pytest.fixture(scope="module")
def valkey():
    with running_valkey() as server:
        yield server


@pytest.fixture
def ledger(valkey, monkeypatch):
    ledger = Ledger(Settings(REDIS_URL=valkey.url))
    ledger._redis.flushall()
    monkeypatch.setattr(module, "ledger", lambda: ledger)
    yield ledger
    ledger._redis.connection_pool.disconnect()


@pytest.fixture
def runs(ledger):
    """Has a pod run a new job; gives what ends it."""
    holders: list[Holder] = []

    def run(pod):
        settings = ledger._settings
        known = KnownTasks({"process": Limits()}, settings)
        holder = Holder(f"holder-{len(holders)}", settings, known, f"celery@{pod[:63]}")
        holders.append(holder)
        ledger.submit(a_job())
        job = holder.claim("celery")
        assert job is not None
        return lambda: holder.finish(job, DONE)

    yield run
    for holder in holders:
        holder.close()


@pytest.fixture
def pods(api):
    def cost_of(name):
        return api.objects[pod_path("demo", name)]["metadata"]["annotations"].get(COST)

    for name in ("a", "b", LONG_NAME):
        api.put(pod_path("demo", name), {"metadata": {"name": name, "annotations": {"mine": "stays"}}})
    return cost_of


@pytest.fixture
def costs(api, pods, ledger):
    return Costs(api.kubernetes(), "demo", "role=worker")


def test_a_pod_costs_as_many_jobs_as_it_has_been_running_for_two_looks(costs, pods, runs):
    runs("a")
    runs("a")
    runs(LONG_NAME)
    assert costs.look() == 0
    runs("b")
    assert costs.look() == 2
    assert (pods("a"), pods("b"), pods(LONG_NAME)) == ("2", None, "1")
    assert costs.look() == 1
    assert (pods("a"), pods("b"), pods(LONG_NAME)) == ("2", "1", "1")


def test_short_jobs_cost_nothing_and_ask_nothing_of_kubernetes(api, costs, runs):
    for _ in range(5):
        end = runs("a")
        assert costs.look() == 0
        end()
    assert {method for method, _ in api.calls} == {"GET"}


def test_a_pod_that_has_no_long_job_any_more_costs_nothing(api, costs, pods, runs):
    end = runs("a")
    costs.look()
    costs.look()
    assert pods("a") == "1"
    end()
    assert costs.look() == 1
    assert pods("a") is None
    assert api.objects[pod_path("demo", "a")]["metadata"]["annotations"]["mine"] == "stays"


@pytest.mark.parametrize("rubbish", ["much", "-7", "9" * 30, ""])
def test_a_cost_that_somebody_else_set_is_set_right(api, costs, pods, rubbish):
    api.put(pod_path("demo", "a"), {"metadata": {"name": "a", "annotations": {COST: rubbish}}})
    assert costs.look() == 1
    assert pods("a") is None


def test_a_pod_that_goes_meanwhile_stops_nobody(api, costs, pods, runs):
    for pod in ("a", "b"):
        runs(pod)
    costs.look()
    api.before["PATCH", pod_path("demo", "a")] = lambda: api.objects.pop(pod_path("demo", "a"))
    assert costs.look() == 1
    assert pods("b") == "1"


def test_only_the_workers_of_the_selector_are_asked_for(api, costs):
    costs.look()
    assert api.calls == [("GET", f"{pod_path('demo')}?labelSelector=role%3Dworker")]


# The guard


def registered(api, available, service="adapter"):
    service = {"name": service, "namespace": "demo"}
    conditions = [{"type": "Available", "status": available}]
    api.put(API_SERVICE, {"spec": {"service": service}, "status": {"conditions": conditions}})


@pytest.fixture
def guard(api):
    def make(after=timedelta(0)):
        guarded = Guarded(
            name="v1beta1.external.metrics.k8s.io", namespace="demo", service="adapter", after=after
        )
        return Guard(api.kubernetes(), guarded)

    return make


def test_an_api_that_nothing_serves_is_taken_away(api, guard):
    registered(api, "False")
    assert guard().look()
    assert API_SERVICE not in api.objects
    assert not guard().look()


def test_an_api_that_is_served_stays(api, guard):
    registered(api, "True")
    assert not guard().look()
    assert API_SERVICE in api.objects


def test_an_api_of_somebody_else_stays_whatever_its_state(api, guard):
    registered(api, "False", service="keda")
    assert not guard().look()
    assert API_SERVICE in api.objects


def test_an_api_has_the_time_that_was_said_and_again_after_it_was_served(api, guard):
    patient = guard(timedelta(seconds=1))
    registered(api, "False")
    assert not patient.look()
    registered(api, "True")
    patient.look()
    registered(api, "False")
    assert not patient.look()
    eventually(patient.look, what="the end of its time")


def test_an_api_that_is_served_again_right_then_stays(api, guard):
    registered(api, "False")
    api.before["DELETE", API_SERVICE] = lambda: registered(api, "True")
    assert not guard().look()
    assert API_SERVICE in api.objects


def test_a_guard_that_may_not_says_so(api, guard):
    registered(api, "False")
    api.denied.add(("DELETE", API_SERVICE))
    with pytest.raises(KubernetesError, match="Forbidden"):
        guard().look()


# The process


@pytest.fixture
def controller(api, valkey, tmp_path):
    def start(*options):
        there = ("--kubernetes", api.address, "--account", str(api.account), "--every", "0.1")
        return Running(
            [sys.executable, "manage.py", "controller", *there, *options],
            r"apiservice\.taken_away|controller\.",
            environment(valkey.url, JOBS_HEALTH_DIR=str(tmp_path / "health")),
        )  # fmt: skip

    return start


def test_the_process_sees_to_both_and_goes_on_through_faults(api, ledger, runs, pods, controller, tmp_path):
    registered(api, "False")
    api.denied.add(("DELETE", API_SERVICE))
    runs("a")
    running = controller("--workers", "role=worker", "--adapter", "adapter", "--absent", "0.1")
    try:
        assert "controller.waits duty=guard" in running.wait_ready().string
        eventually(lambda: pods("a") == "1", what="the cost")
        api.denied.clear()
        eventually(lambda: API_SERVICE not in api.objects, what="the API to go")
        assert {file.name for file in (tmp_path / "health").iterdir()} == {"alive", "ready"}
        assert running.end(signal.SIGTERM) == 0
    finally:
        running.end(signal.SIGKILL)


@pytest.mark.parametrize(
    ("options", "fault"), [((), "say --workers"), (("--workers", "x", "--every", "soon"), "no number")]
)
def test_it_says_what_it_lacks(controller, options, fault):
    running = controller(*options)
    try:
        assert running.process.wait(30) == 2
    finally:
        running.end(signal.SIGKILL)
    assert fault in "".join(running.lines)
