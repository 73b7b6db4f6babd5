"""The chaos proof against an installation that it did not start: it submits, and tells the truth."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from jobs.chaos.plan import TASKS
from jobs.chaos.witness import read
from tests.servers import APP, environment, running_api
from tests.workers import eventually, running_worker

JOBS = 150


@pytest.fixture
def installation(valkey, tmp_path) -> Iterator[tuple[str, object]]:
    """An API and a worker with the proof's tasks."""
    known, place = TASKS, str(tmp_path)
    with (
        running_api(valkey.url, JOBS_TASK_PACKAGES=known, TMPDIR=place) as api,
        running_worker(valkey.url, concurrency=4, JOBS_TASK_PACKAGES=known, TMPDIR=place) as worker,
    ):
        yield api, worker


def begun(api, redis_url, tmp_path, jobs=JOBS):
    """The proof, at this API."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "chaos", "--api", api, "--jobs", str(jobs)],
        cwd=APP, env=environment(redis_url, TMPDIR=str(tmp_path)),
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def effects(tmp_path):
    """What was witnessed of the run, without what it looked at first."""
    return [each for file in tmp_path.glob("*.witness") if "probe" not in file.name for each in read(file)]


def test_a_run_holds_while_pool_processes_are_killed(installation, valkey, tmp_path):
    api, worker = installation
    with begun(api, valkey.url, tmp_path) as proof:
        for done in (20, 40, 60):
            eventually(lambda: len(effects(tmp_path)) >= done)  # noqa: B023
            os.kill(eventually(worker.children)[0], signal.SIGKILL)
        shown = proof.communicate(timeout=60)[0]
    assert proof.returncode == 0, shown
    assert "strikes nothing by itself" in shown
    assert re.search(rf"^accepted +{JOBS}$", shown, re.MULTILINE)
    assert "verdict: holds: lost 0, stuck 0, gap 0" in shown


def test_a_job_that_somebody_deletes_is_lost(installation, valkey, platform, tmp_path):
    with begun(installation[0], valkey.url, tmp_path) as proof:
        done = eventually(lambda: [each for each in effects(tmp_path) if each.ended and not each.failed])
        platform.ledger._redis.delete(f"tb:job:{done[0].task_id}")
        shown = proof.communicate(timeout=60)[0]
    assert proof.returncode == 1, shown
    assert f"lost: job {done[0].task_id}" in shown
    assert "verdict: BROKEN: lost 1" in shown


def test_an_installation_that_does_not_know_the_tasks_is_told_how_it_can(api, valkey, tmp_path):
    with begun(api, valkey.url, tmp_path) as proof:
        shown = proof.communicate(timeout=60)[0]
    assert proof.returncode == 2
    assert "the API knows no task chaos.quick: start API and workers with JOBS_TASK_PACKAGES=" in shown


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--redis-server", "/no/such", "chaos: --redis-server: /no/such is no program\n"),
        ("--jobs", "0", "argument --jobs: 0 is no whole number from 1 up\n"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(option, value, told):
    ran = subprocess.run(
        [sys.executable, "manage.py", "chaos", option, value],
        cwd=APP, env=environment("redis://nowhere"), check=False, text=True, capture_output=True,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.endswith(told)
