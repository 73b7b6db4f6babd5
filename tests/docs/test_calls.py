"""Every command that the documentation shows is run: by these tests, or by one that is named here."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests import servers
from tests.docs.pages import ROOT, Page, all_pages, page
from tests.docs.player import Player
from tests.servers import running_api, running_valkey
from tests.workers import running_worker

CLUSTER = "tests/cluster/test_install.py does it on a cluster"
BACKUP = "tests/cluster/test_backup.py does it on a cluster"
SCALED = "tests/cluster/test_autoscaling.py does it on a cluster"
SETS = "tests/chart/test_runbooks.py sees that the chart takes what it sets"
LOOKS = "tests/chart/test_runbooks.py finds in the chart what it names"
SIMULATED = "tests/unit/test_autoscale_command.py runs it, a smaller day where it shows no answer"
WATCHED = "tests/cluster/test_monitoring.py reads both"
PART = "app.kubernetes.io/component"
ELSEWHERE = {
    "make up": "tests/acceptance/test_up.py runs it at a terminal",
    "make test": "it is what runs this test",
    "make test ARGS=tests/unit/test_orders.py": "test_the_tests_that_a_page_shows_pass runs that file",
    "make setup check": "what a fresh clone needs; it runs this test",
    "PYTHONPATH=app .venv/bin/python -m tests.docs.references": "test_references.py compares what it writes",
    "make chaos": "tests/chaos/test_chaos.py runs its command at a smaller size",
    'make chaos ARGS="--jobs 2000 --kills 20 --redis-restarts 1"': "as `make chaos`",
    'make chaos ARGS="--seed 7 --fsync everysec"': "as `make chaos`",
    "make chaos ARGS=--stock": "tests/chaos/test_chaos.py runs its command at a smaller size",
    ".venv/bin/python app/manage.py chaos --jobs 20000 --kills 200 --redis-restarts 5": "as `make chaos`",
    ".venv/bin/python app/manage.py chaos --api http://localhost:8001 --jobs 5000": (
        "tests/integration/test_chaos_at.py runs it against an API and a worker"
    ),
    "cd app && REDIS_URL=redis://127.0.0.1:6379/0"
    " ../.venv/bin/celery -A djangoNinja worker -Q mail,celery -c 4 -n mail@%h": (
        "tests/workers.py starts each worker with its queues"
    ),
    "cd app && REDIS_URL=redis://127.0.0.1:6379/0"
    " ../.venv/bin/celery -A djangoNinja control add_consumer mail": (
        "it is Celery's own; the worker under it is the one of every test"
    ),
    "make image": "tests/acceptance/test_image.py builds the image",
    "make sbom": "tests/acceptance/test_image.py compares what it writes with the image's",
    "docker build --tag shop:1 .": "tests/acceptance/test_image.py builds what the page shows",
    "helm install taskbell charts/taskbell --namespace taskbell --create-namespace --wait": CLUSTER,
    "helm test taskbell --namespace taskbell": CLUSTER,
    "helm upgrade --install taskbell charts/taskbell --namespace taskbell"
    " --values my-values.yaml --wait": CLUSTER,
    "kubectl apply -k k8s/overlays/dev": "tests/cluster/test_raw.py applies it",
    "kubectl create job --namespace taskbell --from cronjob/taskbell-redis-backup backup-now": BACKUP,
    "kubectl logs --namespace taskbell job/backup-now": BACKUP,
    "kubectl scale --namespace taskbell statefulset/taskbell-redis --replicas=0": BACKUP,
    "kubectl delete --namespace taskbell pvc data-taskbell-redis-0": BACKUP,
    "helm upgrade taskbell charts/taskbell --namespace taskbell --reuse-values"
    " --set redis.restoreFrom=taskbell-20261123-031700.rdb --wait": BACKUP,
    **{f"helm upgrade taskbell charts/taskbell --namespace taskbell --reuse-values {what} --wait": SETS
       for what in (
        "--set redis.resources.limits.memory=2Gi", "--set worker.autoscaling.maxReplicas=20",
        "--set config.jobs.RESULT_TTL_SECONDS=3600 --set config.jobs.FAILURE_TTL_SECONDS=86400",
        "--set config.queues.celery.max_length=200000",
    )},
    "kubectl describe hpa --namespace taskbell": SCALED,
    'kubectl get --raw "/apis/external.metrics.k8s.io/v1beta1/namespaces/taskbell/taskbell_autoscale_load"': (
        SCALED
    ),
    "kubectl get --raw /api/v1/namespaces/taskbell/services/taskbell-metrics:http/proxy/metrics/ledger": (
        WATCHED
    ),
    "kubectl get --raw /api/v1/namespaces/taskbell/services/taskbell-api:http/proxy/metrics": WATCHED,
    "kubectl port-forward --namespace taskbell service/taskbell-api 8001:8001": LOOKS,
    **{f"kubectl get {what}": LOOKS for what in (
        "events --namespace taskbell --sort-by=.lastTimestamp", "nodes", "pvc --namespace taskbell",
        *(f"pods --namespace taskbell --selector {PART}={part}" for part in ("metrics", "redis", "worker")),
    )},
    **{f"kubectl describe {what}": LOOKS for what in (
        "apiservice v1beta1.external.metrics.k8s.io",
        *(f"pods --namespace taskbell --selector {PART}={part}" for part in ("redis", "worker")),
    )},
    **{f"kubectl logs --namespace taskbell {what} --tail=200": LOOKS for what in (
        "deployment/taskbell-metrics-adapter", "statefulset/taskbell-redis",
        *(f"--selector {PART}={part} --prefix" for part in ("api", "metrics", "worker")),
    )},
    ".venv/bin/python bench/autoscale": SIMULATED,
    ".venv/bin/python bench/autoscale --help": SIMULATED,
    ".venv/bin/python bench/autoscale --values wide.yaml --values brisk.yaml": SIMULATED,
    ".venv/bin/python bench/autoscale --arrivals jobs.csv --values brisk.yaml --plot day.svg": SIMULATED,
    "export OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318": "test_trace_story.py sets it",
    "docker-compose up -d --build": "tests/acceptance/test_compose.py runs it where there is an engine",
}  # fmt: skip
"""Commands that are not run here, each with the reason."""
PLAYED = ("curl ", "python3 ")
"""What the commands that are run here begin with."""
RUNBOOKS = [each for each in all_pages() if each.name.startswith("docs/runbooks/")]
"""Their few calls are made in one go: they look at whatever is there."""
CALLING = [
    each
    for each in all_pages()
    if each not in RUNBOOKS and any(command.startswith("curl ") for command, _ in each.commands())
]
FILE = re.compile(r"# ((?:app|tests)/\S+\.py)(, continued)?\n")


def written(blocks_of: Page, checkout: Path) -> list[Path]:
    """Write the files that a page tells its reader to write."""
    files = []
    for block in blocks_of.blocks("python"):
        if first := FILE.match(block.text):
            path = checkout / first[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a" if first[2] else "w") as file:
                file.write(block.text.removeprefix(first[0]))
            files.append(path)
    return list(dict.fromkeys(files))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a reader has cloned, as far as the pages touch it."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@contextmanager
def running(checkout: Path) -> Iterator[str]:
    """API and worker of a checkout; gives the API's address."""
    database = f"sqlite:///{checkout}/db.sqlite3"
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr(servers, "APP", checkout / "app")
        url = stack.enter_context(running_valkey()).url
        api = stack.enter_context(running_api(url, DATABASE_URL=database, WEB_CONCURRENCY="1"))
        stack.enter_context(running_worker(url, DATABASE_URL=database, JOBS_TASK_PACKAGES="tasks"))
        yield api


@pytest.mark.parametrize("called", CALLING, ids=lambda called: called.name)
def test_the_calls_of_a_page_answer_what_it_shows(called, checkout):
    written(called, checkout)
    with running(checkout) as api:
        player = Player(api, checkout)
        for command, shown in called.commands():
            if command.startswith(PLAYED):
                player.play(command, shown)


def test_the_calls_of_the_runbooks_answer_what_they_show(checkout):
    with running(checkout) as api:
        player = Player(api, checkout)
        player.play(f'curl {api}/api/tasks/sum_invoices/ -d \'{{"table": "none"}}\'', '{"task_id": "…"}')
        dead = f"curl {api}/api/queues/celery/"
        player.play(dead, '{"queue": "celery", …"dead_letters": 1, …}')
        calls = dict(call for each in RUNBOOKS for call in each.commands() if call[0].startswith(PLAYED))
        for command, shown in calls.items():
            player.play(command, shown)


@pytest.mark.parametrize("each", all_pages(), ids=lambda each: each.name)
def test_every_command_of_a_page_is_run_by_a_test(each):
    assert {command for command, _ in each.commands() if not command.startswith(PLAYED)} <= set(ELSEWHERE)


def test_every_command_that_is_run_elsewhere_is_shown_somewhere():
    assert set(ELSEWHERE) <= {command for each in all_pages() for command, _ in each.commands()}


@pytest.mark.parametrize("name", ["README.md", "docs/tutorial/first-task.md"])
def test_all_python_of_a_page_is_a_file_that_is_run(name):
    assert all(FILE.match(block.text) for block in page(name).blocks("python"))


def test_the_tests_that_a_page_shows_pass(checkout):
    files = written(page("docs/tutorial/first-task.md"), checkout)
    tests = [str(file) for file in files if file.name.startswith("test_")]
    assert tests
    ran = run("pytest", "-q", "-p", "no:cacheprovider", "--override-ini=minversion=9.0", *tests, cwd=checkout)
    assert re.search(r"\b3 passed", ran.stdout), ran.stdout


def test_the_files_that_the_tutorial_shows_pass_lint_and_format(checkout):
    files = list(map(str, written(page("docs/tutorial/first-task.md"), checkout)))
    run("ruff", "check", *files, cwd=checkout)
    run("ruff", "format", "--check", *files, cwd=checkout)


def run(module: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran
