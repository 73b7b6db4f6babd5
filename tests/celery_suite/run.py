"""One run of the suite: a Valkey, a worker, and pytest on the suite's files in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.celery_suite.expected import Expected
from tests.celery_suite.source import suite
from tests.servers import APP, environment, running_valkey
from tests.workers import ROOT, running_worker

MODES = ("message", "ledger")
"""How the suite's tests send: a plain Celery client by messages, the platform's application to its ledger."""
RUN_SECONDS = 1500
WORKER = "suite@test"
INI = """\
[pytest]
python_classes = test_*
markers =
    celery: settings of a test's application
    flaky: to be tried again
"""


def tried(mode: str, told: Expected, options: Sequence[str] = ()) -> dict[str, str]:
    """The outcome of each test, with a second try for one that was to pass and did not.

    The suite itself allows each five more, as its tests wait for seconds and no longer, on any machine.
    """
    outcomes = run(mode, told.version, told.files, options)
    if failed := told.failed(mode, outcomes):
        sys.stdout.write("".join(f"\ntried again: {name}: {outcomes[name]}\n" for name in failed))
        outcomes |= run(mode, told.version, failed)
    return outcomes


def run(mode: str, version: str, chosen: Sequence[str], options: Sequence[str] = ()) -> dict[str, str]:
    """The outcome of each test: `passed`, `skipped`, `xfailed`, or why it failed.

    Files are chosen, or single tests, as `file::test`.
    """
    theirs = suite(version)
    with tempfile.TemporaryDirectory() as scratch, running_valkey() as valkey:
        report = Path(scratch) / "report"
        report.touch()
        ini = Path(scratch) / "pytest.ini"
        ini.write_text(INI)
        env = environment(
            valkey.url, PYTHONPATH=f"{ROOT}:{APP}:{theirs}", SUITE_MODE=mode, SUITE_REPORT=str(report),
            SUITE_WORKER=WORKER, TEST_BROKER=valkey.url, TEST_BACKEND=valkey.url,
            REDIS_HOST="127.0.0.1", REDIS_PORT=str(valkey.port),
            DATABASE_URL=f"sqlite:///{scratch}/db.sqlite3",
        )  # fmt: skip
        # One process, as the suite's own worker has: a task of its keeps a count in its process.
        options_of_worker = ("--include", "tests.celery_suite.tasks", "-n", WORKER)
        of_worker = {name: value for name, value in env.items() if name != "DATABASE_URL"}
        with running_worker(valkey.url, concurrency=1, options=options_of_worker, **of_worker):
            # A process for each file: the results that a failed test's traceback holds stay subscribed.
            for file in chosen:
                _pytest(theirs, ini, env, [f"t/integration/{file}", *options])
        return dict(_outcome(line) for line in report.read_text().splitlines())


def _pytest(theirs: Path, ini: Path, env: dict[str, str], arguments: list[str]) -> None:
    plugins = ["celery.contrib.pytest", "tests.celery_suite.plugin", "no:randomly", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-c", str(ini), "--rootdir", str(theirs), "-q", "--tb=short"]
    for plugin in plugins:
        command += ["-p", plugin]
    done = subprocess.run(
        [*command, *arguments], cwd=theirs, env=env, timeout=RUN_SECONDS, check=False,
        stdout=None if os.environ.get("SUITE_SHOW") else subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    if done.returncode not in (0, 1, 5):  # 5: the options choose nothing of this file
        raise AssertionError(f"the suite did not run: {done.stdout}")


def _outcome(line: str) -> tuple[str, str]:
    told = json.loads(line)
    return told["test"], told["why"] if told["outcome"] == "failed" else told["outcome"]
