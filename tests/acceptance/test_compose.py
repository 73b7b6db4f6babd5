"""`docker-compose`, with the commands that the README has."""

import json
import os
import re
import secrets
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.calls import GOING, curl, eventually, free_ports, status, submit
from tests.client import Client

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
IN_FLIGHT = 500
A_MOMENT = json.dumps({"below": 8_000_000}).encode()
"""A tenth of a second for each job: 500 are far from over when the worker stops."""

type Compose = Callable[..., str]


@pytest.fixture(scope="module")
def ports() -> list[int]:
    return free_ports(2)


@pytest.fixture(scope="module")
def api(ports) -> str:
    return f"http://localhost:{ports[0]}"


@pytest.fixture(scope="module")
def compose(ports) -> Iterator[Compose]:
    """Runs a command line in a project that nothing else shares; what it made is gone afterwards."""
    name = f"taskbell-test-{secrets.token_hex(4)}"
    project = {
        "COMPOSE_PROJECT_NAME": name, "TASKBELL_IMAGE": f"{name}:test",
        "PORT": str(ports[0]), "FLOWER_PORT": str(ports[1]), "OTEL_RESOURCE_ATTRIBUTES": "team=payments",
    }  # fmt: skip

    def run(command: str, *more: str) -> str:
        done = subprocess.run(
            [*command.split(), *more],
            cwd=ROOT,
            env=os.environ | project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}:\n{done.stdout}{done.stderr}"
        return done.stdout

    try:
        run("docker-compose up -d --build")
        yield run
    finally:
        run("docker-compose down -v")
        run(f"docker image rm --force {name}:test")


@pytest.fixture(scope="module", autouse=True)
def answering(compose, api) -> None:
    wait_answering(api)


def wait_answering(api: str) -> None:
    code = [
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
        "--retry-connrefused",
        "--retry-all-errors",
    ]
    assert curl(*code, "--fail", "--retry", "60", "--retry-delay", "1", f"{api}/readyz").endswith("200")


def test_the_two_calls_answer(api):
    task_id = submit(api, "process", {"data": "hello"})
    answer = eventually(lambda: status(api, task_id), lambda answer: answer["status"] not in GOING)
    assert answer == {"task_id": task_id, "status": "SUCCESS", "result": {"processed_data": "HELLO"}}


def test_a_restart_of_the_worker_loses_and_repeats_no_job(compose, api):
    client = Client(api)
    ids = [client.post("/api/tasks/count_primes/", A_MOMENT).json()["task_id"] for _ in range(IN_FLIGHT)]
    eventually(lambda: status(api, ids[3])["status"], lambda now: now == "SUCCESS")
    compose("docker-compose restart celery")
    assert status(api, ids[-1])["status"] == "PENDING", "all was over before the restart: it shows nothing"
    eventually(lambda: status(api, ids[-1])["status"], lambda now: now == "SUCCESS", within_seconds=120)
    details = [client.get(f"/api/jobs/{each}/").json() for each in ids]
    assert Counter((each["status"], each["attempt"]) for each in details) == {("SUCCESS", 1): IN_FLIGHT}
    ended = Counter(re.findall(r"job\.success .*?job=(\S+)", compose("docker-compose logs celery")))
    assert {each: ended[each] for each in ids} == dict.fromkeys(ids, 1)


def test_a_large_result_made_by_the_worker_is_read_from_the_api(api):
    words = " ".join(f"word{number}" for number in range(7_000))
    task_id = submit(api, "count_words", {"text": words})
    eventually(lambda: status(api, task_id)["status"], lambda now: now == "SUCCESS")
    assert json.loads(curl(f"{api}/api/jobs/{task_id}/result/"))["distinct"] == 7_000


def test_what_was_accepted_survives_the_loss_of_every_container(compose, api):
    task_id = submit(api, "process", {"data": "kept"})
    eventually(lambda: status(api, task_id)["status"], lambda now: now == "SUCCESS")
    compose("docker-compose down")
    compose("docker-compose up -d")
    wait_answering(api)
    assert status(api, task_id)["result"] == {"processed_data": "KEPT"}


def test_every_service_runs_without_privileges(compose):
    for container in compose("docker-compose ps --all --quiet").split():
        (found,) = json.loads(compose(f"docker inspect {container}"))
        assert found["HostConfig"]["ReadonlyRootfs"]
        assert found["HostConfig"]["CapDrop"] == ["ALL"]
        assert int(found["Config"]["User"].partition(":")[0]) > 0


@pytest.mark.parametrize("service", ["api", "celery"])
def test_what_traces_need_is_handed_on_and_nothing_that_is_not_said(compose, service):
    environment = compose(f"docker-compose exec -T {service} env").splitlines()
    assert [each for each in environment if each.startswith("OTEL_")] == [
        "OTEL_RESOURCE_ATTRIBUTES=team=payments"
    ]


def test_what_serves_is_healthy(compose):
    def health() -> set[str]:
        listed = compose("docker-compose ps --format {{.Service}}={{.Health}}").split()
        return {each for each in listed if not each.startswith("migrate")}

    wanted = {f"{name}=healthy" for name in ("api", "celery", "flower", "redis")}
    eventually(health, lambda found: found == wanted, within_seconds=60)


def test_nothing_in_the_image_builds_software(compose):
    search = "for tool in cc gcc git make uv; do command -v $tool; done; true"
    assert compose("docker-compose exec -T api sh -c", search) == ""
