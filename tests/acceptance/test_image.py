"""The image: what is in it, how soon it answers, and a user's own tasks on top of it."""

import json
import re
import secrets
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests import workers
from tests.acceptance.calls import GOING, curl, eventually, status, submit
from tests.docs.pages import page

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

ROOT = Path(__file__).resolve().parents[2]
BASE = "python:3.13-slim-trixie"
DOCS = "/usr/share/doc/taskbell"
MB = 1_000_000
OWN_TASK = '''"""What a shop's tasks do."""

import cowsay

from jobs import task


@task
def greet(name: str) -> str:
    """Have a cow greet somebody."""
    return cowsay.get_output_string("cow", f"hello {name}")
'''


def docker(*words: str, given: str | None = None) -> str:
    done = subprocess.run(["docker", *words], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(words)}:\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def name() -> str:
    return f"taskbell-image-{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def image(name) -> Iterator[str]:
    arguments = ["--build-arg", "REVISION=0123abc", "--build-arg", "CREATED=2026-11-01T00:00:00Z"]
    docker("build", "--tag", f"{name}:test", *arguments, str(ROOT))
    yield f"{name}:test"
    docker("image", "rm", "--force", f"{name}:test")


@pytest.fixture(scope="module")
def network(name) -> Iterator[str]:
    """A network with a Redis, under the name that the image asks for."""
    docker("network", "create", name)
    server = docker("run", "--detach", "--rm", "--network", name, "--network-alias", "redis", "redis:8.0",
                    "redis-server", "--protected-mode", "no").strip()  # fmt: skip
    yield name
    docker("rm", "--force", "--volumes", server)
    docker("network", "rm", name)


@pytest.fixture
def run(network) -> Iterator[Callable[..., str]]:
    """Starts a container as Kubernetes would; it is gone afterwards."""
    started = []
    hard = ("--read-only", "--tmpfs", "/tmp", "--tmpfs", "/data:uid=10001", "--cap-drop", "ALL")

    def start(image: str, *command: str) -> str:
        env = ("--env", "DATABASE_URL=sqlite:////data/db.sqlite3", "--env", "JOBS_HEALTH_DIR=/tmp/health")
        started.append(docker("run", "--detach", "--network", network, *hard, *env, image, *command).strip())
        return started[-1]

    yield start
    for container in started:
        docker("rm", "--force", "--volumes", container)


def inspected(kind: str, name: str) -> dict[str, Any]:
    [found] = json.loads(docker(kind, "inspect", name))
    return dict(found)


def in_image(image: str, *command: str) -> str:
    return docker(
        "run", "--rm", "--network", "none", "--env", "DATABASE_URL=sqlite:////tmp/db", image, *command
    )


def address(container: str) -> str:
    [found] = inspected("container", container)["NetworkSettings"]["Networks"].values()
    return f"http://{found['IPAddress']}:8001"


def test_the_labels_say_what_it_is(image):
    labels = inspected("image", image)["Config"]["Labels"]
    found = {key.removeprefix("org.opencontainers.image."): value for key, value in labels.items()}
    assert found == {
        "title": "taskbell", "description": found["description"], "version": found["version"],
        "revision": "0123abc", "created": "2026-11-01T00:00:00Z",
    }  # fmt: skip


def test_it_adds_less_than_200_mb_to_its_base(image):
    added = inspected("image", image)["Size"] - inspected("image", BASE)["Size"]
    assert added < 200 * MB


def test_the_list_of_packages_is_what_is_installed(image):
    listed = json.loads(in_image(image, "cat", f"{DOCS}/sbom.cdx.json"))
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.5")
    named = {package(each["name"], each["version"]): each for each in listed["components"]}
    assert packages(image) <= named.keys()
    only_elsewhere = [each for name, each in named.items() if name not in packages(image)]
    assert [each for each in only_elsewhere if not marked(each)] == []
    assert all(each["purl"].startswith("pkg:pypi/") for each in named.values())


def packages(image: str) -> set[str]:
    """What is installed, as the image's own Python sees it."""
    look = (
        "import importlib.metadata as all; [print(each.name, each.version) for each in all.distributions()]"
    )
    listed = in_image(image, "python3", "-c", look).splitlines()
    return {package(*line.split()) for line in listed}


def package(name: str, version: str) -> str:
    return f"{re.sub(r'[-_.]+', '-', name).lower()} {version}"


def marked(component: dict[str, Any]) -> bool:
    """Whether the lock file has it for other systems alone."""
    return any(each["name"] == "uv:package:marker" for each in component.get("properties", []))


def test_the_list_of_packages_is_the_one_that_make_writes(image, tmp_path):
    assert in_image(image, "cat", f"{DOCS}/sbom.cdx.json") == made_by_make(tmp_path)


def made_by_make(directory: Path) -> str:
    for name in ("Makefile", "pyproject.toml", "uv.lock", ".python-version"):
        shutil.copy(ROOT / name, directory)
    for name in (".tools", ".venv"):
        if (ROOT / name).exists():
            (directory / name).symlink_to((ROOT / name).resolve())
    subprocess.run(["make", "-o", ".venv/.ready", "sbom"], cwd=directory, check=True, capture_output=True)
    return (directory / "sbom.cdx.json").read_text()


def test_what_only_builds_checks_or_translates_is_not_in_it(image):
    search = "find /opt/venv /app -name '*.po' -o -name '*.pyi' -o -path '*/tornado/test/*'"
    assert in_image(image, "sh", "-c", search) == ""


def seconds_to(container: str, ready_at: float) -> float:
    """From a container's start to then, less what its processes waited for a busy processor."""
    state = inspected("container", container)["State"]
    began = datetime.fromisoformat(state["StartedAt"]).timestamp()
    main = Path(f"/proc/{state['Pid']}")
    children = (main / f"task/{state['Pid']}/children").read_text().split()
    waited = queued(main) + min((queued(Path(f"/proc/{child}")) for child in children), default=0.0)
    return ready_at - began - waited


def queued(process: Path) -> float:
    """How many seconds a process could have run and had no processor."""
    return int((process / "schedstat").read_text().split()[1]) / 1e9


def test_the_api_answers_within_two_seconds_of_its_start(image, run):
    container = run(image)
    api = address(container)
    workers.eventually(lambda: answers(f"{api}/livez"))
    took = seconds_to(container, time.time())
    assert took < 2


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_a_command_is_done_within_two_seconds(image):
    told = in_image(image, "sh", "-c", "celery -A djangoNinja --version >/dev/null; times")
    used = re.findall(r"(\d+)m([\d.]+)s", told.splitlines()[-1])
    assert 0 < sum(60 * int(minutes) + float(seconds) for minutes, seconds in used) < 2


def test_a_worker_is_ready_within_three_seconds(image, run):
    worker = run(image, "celery", "-A", "djangoNinja", "worker", "--loglevel=info", "-c", "4")
    wait = "until python3 -I -S /app/probe.py alive ready 2>/dev/null; do sleep 0.5; done"
    docker("exec", worker, "timeout", "60", "sh", "-c", wait)
    ready_at = float(docker("exec", worker, "stat", "--format", "%.Y", "/tmp/health/ready"))
    assert seconds_to(worker, ready_at) < 3


def test_its_layers_are_the_same_when_it_is_built_again(image, name):
    again = f"{name}:again"
    docker("build", "--no-cache", "--tag", again, str(ROOT))
    try:
        assert layers(image) == layers(again)
    finally:
        docker("image", "rm", "--force", again)


def layers(image: str) -> list[str]:
    """The digest of each: of its files, their modes, owners and times."""
    return list(inspected("image", image)["RootFS"]["Layers"])


def test_nothing_else_than_sources_goes_to_the_builder(tmp_path):
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tracked = {line for line in listed.splitlines() if (ROOT / line).is_file()}
    copy, out = tmp_path / "copy", tmp_path / "out"
    for each in tracked:
        (copy / each).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / each, copy / each)
    rubbish = (
        ".env", "secret.pem", "db.sqlite3", "app/.env", "app/db.sqlite3", "app/tasks/.text.py.swp",
        "app/jobs/__pycache__/task.cpython-313.pyc", "app/jobs/.mypy_cache/x.json", "app/tasks/text.py~",
    )  # fmt: skip
    for each in rubbish:
        (copy / each).parent.mkdir(parents=True, exist_ok=True)
        (copy / each).touch()
    dockerfile = "FROM scratch\nCOPY . /\n"
    docker("build", "--output", f"type=local,dest={out}", "--file", "-", str(copy), given=dockerfile)
    sent = {str(each.relative_to(out)) for each in out.rglob("*") if each.is_file()}
    assert sent == {each for each in tracked if each.startswith("app/")} | {"pyproject.toml", "uv.lock"}


@pytest.fixture(scope="module")
def own_image(image, name, tmp_path_factory) -> Iterator[str]:
    """The page's Dockerfile, with a task and a package of the user's own."""
    shop = tmp_path_factory.mktemp("shop")
    [dockerfile] = page("docs/howto/image.md").blocks("dockerfile")
    (shop / "Dockerfile").write_text(dockerfile.text.replace("taskbell:dev", image))
    (shop / "requirements.txt").write_text("cowsay==6.1\n")
    (shop / "tasks").mkdir()
    (shop / "tasks" / "shop.py").write_text(OWN_TASK)
    text = (ROOT / "app/tasks/text.py").read_text()
    (shop / "tasks" / "text.py").write_text(text.replace("data.upper()", "data.lower()"))
    docker("build", "--tag", f"{name}:own", str(shop))
    yield f"{name}:own"
    docker("image", "rm", "--force", f"{name}:own")


def test_a_users_own_tasks_run_as_a_layer_on_top(own_image, run):
    api = address(run(own_image))
    run(own_image, "celery", "-A", "djangoNinja", "worker", "--loglevel=info", "-c", "1")
    curl(
        "--fail",
        "--retry-connrefused",
        "--retry-all-errors",
        "--retry",
        "60",
        "--retry-delay",
        "1",
        f"{api}/readyz",
    )
    jobs = [submit(api, "greet", {"name": "world"}), submit(api, "process", {"data": "LOUD"})]
    cow, quiet = (result(api, job) for job in jobs)
    assert "hello world" in cow
    assert quiet == {"processed_data": "loud"}  # what a layer puts over a sample counts


def result(api: str, job: str) -> Any:
    return eventually(lambda: status(api, job), lambda answer: answer["status"] not in GOING)["result"]


def test_what_is_installed_on_top_leaves_the_platform_as_it_was(image, own_image):
    before, after = packages(image), packages(own_image)
    assert (after - before, before - after) == ({"cowsay 6.1"}, set())
