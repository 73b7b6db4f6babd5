"""The life of a job over HTTP to its very end, with a real worker and real clocks."""

import json

from tests.client import HELLO, PROCESS, Client
from tests.servers import running_api, running_valkey
from tests.workers import PROBES, eventually, running_worker


def test_an_id_past_its_retention_is_gone_and_later_forgotten():
    with (
        running_valkey() as valkey,
        running_api(valkey.url, JOBS_FAILURE_TTL_SECONDS="0.2", JOBS_GONE_TTL_SECONDS="6") as url,
    ):
        client = Client(url)
        task_id = client.post("/api/tasks/process/", b'{"data": "x"}').json()["task_id"]
        assert client.send("POST", f"/api/jobs/{task_id}/cancel/").status == 200
        job = f"/api/jobs/{task_id}/"
        paths = [f"/api/tasks/status/{task_id}/", job, f"{job}result/", f"{job}log/"]
        eventually(lambda: client.get(paths[0]).status == 410)
        for path in paths:
            client.get(path).problem(410, "job-gone")
        for method, path in (("POST", f"{job}cancel/"), ("POST", f"{job}retry/"), ("DELETE", job)):
            client.send(method, path).problem(410, "job-gone")
        eventually(lambda: client.get(paths[0]).status == 404)
        for path in paths:
            client.get(path).problem(404, "job-not-found")


def test_an_idempotency_key_gives_its_job_for_as_long_as_is_set():
    with running_valkey() as valkey, running_api(valkey.url, JOBS_IDEMPOTENCY_TTL_SECONDS="5") as url:
        client = Client(url)

        def submit(body):
            headers = {"Content-Type": "application/json", "Idempotency-Key": "order-1"}
            return client.send("POST", PROCESS, body, headers)

        first = submit(HELLO).json()
        assert submit(HELLO).json() == first
        submit(b'{"data": "another"}').problem(409, "idempotency-conflict")
        eventually(lambda: submit(HELLO).json() != first)
        submit(b'{"data": "another"}').problem(409, "idempotency-conflict")


def test_a_worker_leaves_the_history_of_its_attempts(tmp_path):
    arguments = json.dumps({"file": str(tmp_path / "attempts")}).encode()
    with (
        running_valkey() as valkey,
        running_worker(valkey.url) as worker,
        running_api(valkey.url, **PROBES) as url,
    ):
        client = Client(url)
        task_id = client.post("/api/tasks/flaky/", arguments).json()["task_id"]
        eventually(lambda: client.get(f"/api/tasks/status/{task_id}/").json()["status"] == "SUCCESS")
        told = client.get(f"/api/jobs/{task_id}/").json()
        assert [(each["attempt"], each["outcome"]) for each in told["attempts"]] == [
            (1, "RETRY"), (2, "RETRY"), (3, "SUCCESS"),
        ]  # fmt: skip
        assert {each["worker"] for each in told["attempts"]} == {told["worker"]}
        assert f"{told['worker']} ready." in worker.log


def test_a_submit_s_own_time_limit_strikes_and_a_wait_that_is_in_vain_is_told(tmp_path):
    arguments = json.dumps({"file": str(tmp_path / "w"), "seconds": 30}).encode()
    with (
        running_valkey() as valkey,
        running_worker(valkey.url),
        running_api(valkey.url, **PROBES, JOBS_WAIT_TIMEOUT_SECONDS="0.3") as url,
    ):
        client = Client(url)
        task_id = client.post("/api/tasks/waits_and_writes/?soft_time_limit=0.3", arguments).json()["task_id"]
        eventually(lambda: client.get(f"/api/tasks/status/{task_id}/").json()["status"] == "FAILURE")
        [attempt] = client.get(f"/api/jobs/{task_id}/").json()["attempts"]
        assert attempt["error"]["error"] == "SoftTimeLimitExceeded"
        answer = client.post("/api/tasks/process/?wait=replica", b'{"data": "hello"}')
        assert (answer.status, answer.json()["type"]) == (503, "/problems/not-durable")
        status = f"/api/tasks/status/{answer.json()['task_id']}/"
        eventually(lambda: client.get(status).json()["result"] == {"processed_data": "HELLO"})
