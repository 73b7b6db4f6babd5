"""What Flower shows of jobs and queues, by its own API and pages: what the ledger has, whatever it heard."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.client import Answer, Client
from tests.integration.test_flower import running_flower
from tests.workers import PROBES, Platform, eventually, running_worker, started, witness

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Flower:
    """Flower, as a script drives it."""

    client: Client

    def post(self, path: str, **told: Any) -> Answer:
        return self.client.post(path, json.dumps(told).encode())

    def info(self, job: str) -> dict[str, Any]:
        answer = self.client.get(f"/api/task/info/{job}")
        assert answer.status == 200, answer.body
        return dict(answer.json())

    def page(self, job: str) -> str:
        answer = self.client.get(f"/task/{job}")
        assert answer.status == 200, answer.body
        return answer.body.decode()

    def table(self, search: str = "") -> list[dict[str, Any]]:
        """The rows of the Tasks page."""
        query = (
            "draw=1&start=0&length=100&order[0][column]=0&columns[0][data]=received&order[0][dir]=desc"
            f"&search[value]={search}"
        )
        answer = self.client.post("/tasks/datatable", query.encode())
        assert answer.status == 200, answer.body
        return list(answer.json()["data"])

    def queues(self) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in self.client.get("/api/queues/length").json()["active_queues"]}


@pytest.fixture(scope="module")
def flower(valkey) -> Iterator[Flower]:
    """One that hears no events: nobody sends any."""
    env = {"FLOWER_UNAUTHENTICATED_API": "1", "FLOWER_ENABLE_EVENTS": "false"}
    with running_flower(valkey.url, **PROBES, **env) as client:
        yield Flower(client)


def row(flower: Flower, job: str, search: str = "") -> dict[str, Any]:
    """The row of a job, once a look at the list was long enough ago for another."""
    return eventually(
        lambda: next((each for each in flower.table(search) if each["uuid"] == job), None) or {}
    )


def list_and_page_agree(flower: Flower, job: str, state: str, *, ran: bool) -> None:
    shown, told = row(flower, job, f"state:{state}"), flower.info(job)
    assert shown["state"] == told["state"] == state
    assert shown["attempt"] == told["attempt"] == int(ran)
    assert shown["worker"] == told["worker"]
    assert (shown["worker"] is not None) == ran
    assert (shown["args"], shown["kwargs"], shown["result"]) == (None, None, None)
    assert state in flower.page(job)


def test_every_state_of_a_job_is_shown_as_the_ledger_has_it(platform: Platform, valkey, flower, tmp_path):
    secret = '{"value": "secret"}'
    waits = platform.submit("echo", secret, queue="nobody")
    comes = platform.submit("echo", secret, queue="nobody", delay=HOUR)
    revoked = platform.submit("echo", secret, queue="nobody")
    platform.ledger.cancel([revoked])
    with running_worker(valkey.url, DATABASE_URL="none"):
        runs = witness(platform, tmp_path / "w", wait_for=tmp_path / "go")
        started(tmp_path / "w")
        done, failed = platform.submit("echo", secret), platform.submit("fail", '{"message": "no order"}')
        platform.result(failed)
        platform.result(done)
        states = {
            waits: "PENDING", comes: "PENDING", revoked: "REVOKED", runs: "STARTED", done: "SUCCESS",
            failed: "FAILURE",
        }  # fmt: skip
        for job, state in states.items():
            list_and_page_agree(flower, job, state, ran=job in {runs, done, failed})
        (tmp_path / "go").touch()
        platform.value(runs)
        assert row(flower, runs, "state:SUCCESS")["runtime"] > 0
    eta = datetime.fromisoformat(flower.info(comes)["eta"])
    assert eta.timestamp() == pytest.approx(flower.info(comes)["received"] + 3600)
    assert (flower.info(waits)["waits_for"], flower.info(comes)["waits_for"]) == ("worker", "time")
    assert 0 <= flower.info(done)["runtime"] < 5
    assert flower.info(done)["result"] == '"secret"'
    assert flower.info(failed)["exception"] == "ValueError: no order"
    assert "no order" in flower.info(failed)["traceback"]


def test_an_attempt_that_died_and_a_retry_are_counted_and_told(platform: Platform, valkey, flower):
    with running_worker(valkey.url, DATABASE_URL="none"):
        died = platform.submit("die", '{"attempts": 1}')
        platform.value(died)

        told = flower.info(died)
        assert (told["attempt"], told["lost"], told["state"]) == (2, 1, "SUCCESS")
        page = flower.page(died)
        assert "LOST" in page
        assert "signal 9" in page or "SIGKILL" in page


def test_arguments_are_shown_where_the_task_says_so(platform: Platform, flower):
    hidden = platform.submit("echo", '{"value": "secret"}', queue="nobody")
    shown = platform.submit("shown", json.dumps({"value": "x" * 5_000}), queue="nobody")
    assert flower.info(hidden)["kwargs"] is None
    assert "show_arguments" in flower.page(hidden)
    assert flower.info(shown)["kwargs"].startswith("{'value': 'xxx")
    assert len(flower.info(shown)["kwargs"]) < 1_100
    assert b"secret" not in flower.client.get("/api/tasks").body


def test_a_backlog_is_the_jobs_also_where_no_worker_serves(platform: Platform, flower):
    for _ in range(3):
        platform.submit("echo", "{}", queue="lonely")
    platform.submit("echo", "{}", queue="lonely", delay=HOUR)
    told = flower.queues()["lonely"]
    assert (told["messages"], told["scheduled"], told["started"], told["workers"]) == (3, 1, 0, 0)
    assert told["oldest_seconds"] >= 0
    page = flower.client.get("/broker")
    assert page.status == 200
    assert b"lonely" in page.body


def test_a_job_is_submitted_checked_and_read_back(valkey, flower):
    with running_worker(valkey.url, DATABASE_URL="none"):
        applied = flower.post("/api/task/apply/add", args=[1, 2]).json()
        assert (applied["state"], applied["result"]) == ("SUCCESS", 3)
        for call in ("async-apply", "send-task"):
            sent = flower.post(f"/api/task/{call}/add", kwargs={"x": 1, "y": 5}).json()
            got = flower.client.get(f"/api/task/result/{sent['task-id']}?timeout=20").json()
            assert (got["state"], got["result"]) == ("SUCCESS", 6)
            assert flower.info(sent["task-id"])["name"] == "add"
    wrong = flower.post("/api/task/async-apply/add", kwargs={"x": 1, "y": "no"})
    assert (wrong.status, b"arguments do not fit" in wrong.body, b"y: " in wrong.body) == (422, True, True)
    short = flower.post("/api/task/send-task/add", args=[1])
    assert (short.status, b"'y'" in short.body) == (400, True)
    assert flower.post("/api/task/async-apply/nothing").status == 404
    for path in ("/api/task/info/never", "/api/task/result/never", "/task/never"):
        answer = flower.client.get(path)
        assert (answer.status, b"never accepted" in answer.body) == (404, True)


def test_a_result_that_was_waited_for_has_the_state_of_the_end(platform: Platform, valkey, flower, tmp_path):
    with running_worker(valkey.url, DATABASE_URL="none"), ThreadPoolExecutor(1) as pool:
        runs = witness(platform, tmp_path / "w", wait_for=tmp_path / "go")
        started(tmp_path / "w")
        path = f"/api/task/result/{runs}"
        early = flower.client.get(f"{path}?timeout=0.1").json()
        assert (early["state"], "result" in early) == ("STARTED", False)
        waited = pool.submit(flower.client.get, f"{path}?timeout=15")
        time.sleep(0.5)  # it waits
        (tmp_path / "go").touch()
        assert waited.result().json()["state"] == flower.client.get(path).json()["state"] == "SUCCESS"


@pytest.mark.parametrize("call", ["revoke", "abort"])
def test_what_waits_is_revoked_and_what_cannot_be_is_refused(platform: Platform, flower, call):
    waits = platform.submit("echo", "{}", queue="nobody")
    assert flower.post(f"/api/task/{call}/{waits}").status == 200
    assert platform.state(waits) == "REVOKED"
    assert flower.info(waits)["state"] == "REVOKED"
    again = flower.post(f"/api/task/{call}/{waits}")
    assert (again.status, b"has ended" in again.body) == (409, True)
    assert flower.post(f"/api/task/{call}/never").status == 404


def test_what_runs_is_left_alone_or_terminated(platform: Platform, valkey, flower, tmp_path: Path):
    with running_worker(valkey.url, DATABASE_URL="none", JOBS_CANCEL_GRACE_SECONDS="0.2"):
        runs = witness(platform, tmp_path / "w", wait_for=tmp_path / "never")
        started(tmp_path / "w")
        left = flower.post(f"/api/task/revoke/{runs}")
        assert (left.status, b"left alone" in left.body) == (409, True)
        assert flower.post(f"/api/task/revoke/{runs}?terminate=true").status == 200
        eventually(lambda: flower.info(runs)["state"] == "REVOKED")
        assert flower.info(runs)["worker"]
