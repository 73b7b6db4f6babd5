"""What Grafana would show: every panel's question, answered by a Prometheus that reads real processes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from jobs.chaos.processes import free_port
from jobs.errors import IdempotencyConflict
from tests.client import HELLO, PROCESS, Client
from tests.integration.a_job import a_job
from tests.monitoring.pages import PAGES, asked, choices
from tests.monitoring.prometheus import Prometheus, running_prometheus
from tests.monitoring.promql import filled
from tests.servers import Valkey, running_api
from tests.workers import PROBES, Platform, eventually, running_worker

TASKS = ("process", "watched", "die", "within_an_hour")
"""What a reader chooses on the task's page: one that succeeds, one that fails, one whose process dies, one
that has an objective."""
EMPTY = {
    "Errors a second, by route": "no request was answered with 5xx",
    "Adapter's certificate": "no adapter runs",
}
"""Panels that show nothing, each with the reason."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """Jobs of all kinds, and requests of most."""

    platform: Platform
    api: Client
    directory: str

    def round(self, number: int) -> None:
        for _ in range(5):
            assert self.api.post(PROCESS, HELLO).status == 202
        assert self.api.get("/api/tasks/status/nobody/").status == 404
        assert (
            self.api.post("/api/tasks/within_an_hour/", b'{"fails":true}', "application/json").status == 202
        )
        for more in ({}, {}, {"arguments": '{"data":"other"}'}):
            self._submit_once(f"once-{number}", **more)
        self.platform.ledger.submit(a_job(delay=timedelta(milliseconds=500)))
        self.platform.ledger.submit(a_job(delay=timedelta(hours=1)))
        self.platform.submit("fail", '{"message":"no"}')
        self.platform.submit("watched", json.dumps({"file": f"{self.directory}/watched"}))
        self.platform.submit("die", '{"attempts":1}')

    def _submit_once(self, key: str, **more: str) -> None:
        try:
            self.platform.ledger.submit(a_job(idempotency_key=key, **more))
        except IdempotencyConflict:
            assert more

    def hold_up(self) -> None:
        """One job stays ready."""
        self.platform.ledger.pause(queue="held")
        self.platform.ledger.submit(a_job(queue="held"))

    def redrive(self) -> None:
        found = self.platform.ledger.browse.page([("celery", "failure")], limit=9).jobs
        self.platform.ledger.redrive([each.id for each in found])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """It has seen two rounds of a load, so that it knows how each number rises."""
    directory = str(tmp_path_factory.mktemp("dashboards"))
    valkey = Valkey(None, directory, "--appendonly", "yes", "--maxmemory", "256mb")
    platform = Platform(valkey.url)
    try:
        with (
            running_api(valkey.url, WEB_CONCURRENCY="1", **PROBES) as api,
            running_worker(valkey.url, JOBS_WORKER_METRICS_PORT=(port := str(free_port()))),
            running_prometheus(api, f"localhost:{port}") as prometheus,
        ):
            load = Load(platform=platform, api=Client(api), directory=directory)
            load.hold_up()
            load.round(1)
            _seen(prometheus, requests=5, ended=11)
            load.redrive()
            load.round(2)
            _seen(prometheus, requests=10, ended=24)
            yield prometheus
    finally:
        platform.close()
        valkey.kill()


def _seen(prometheus: Prometheus, requests: int, ended: int) -> None:
    """Each of the pages is read at its own time."""
    counted = f'taskbell_http_requests_total{{route="{PROCESS}"}}'
    eventually(lambda: sum(prometheus.values(counted)) >= requests, 30, counted)
    eventually(lambda: sum(prometheus.values("taskbell_jobs_finished_total")) >= ended, 30, "the jobs' ends")
    eventually(lambda: prometheus.values("rate(taskbell_worker_bells_total[1m])"), 30, "the worker's bells")


def test_every_panel_shows_something_but_those_that_should_not(prometheus):
    empty: dict[str, str] = {}
    for each in asked():
        tasks = TASKS if "$task" in each.expr else ("",)
        if not any(prometheus.values(filled(each.expr, task)) for task in tasks):
            empty[each.panel] = each.expr
    assert empty.keys() == EMPTY.keys(), empty


def test_every_variable_has_something_to_choose_from(prometheus):
    for page in PAGES.values():
        for series, label in choices(page):
            found = prometheus.choices(filled(series, ""), label)
            # There is a namespace on Kubernetes alone.
            assert bool(found) == (label != "namespace"), (series, label)


@pytest.mark.parametrize(("panel", "number"), [
    ("Ledger", 1), ("Unaccounted", 0), ("Workers", 1), ("Append-only file", 1), ("May drop keys", 0),
    ("Pods", 1),
])  # fmt: skip
def test_a_panel_shows_what_is_so(prometheus, panel, number):
    [found] = [each for each in asked() if each.panel == panel]
    assert prometheus.values(filled(found.expr, "")) == [number]
