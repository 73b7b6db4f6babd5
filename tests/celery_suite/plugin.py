"""A pytest plugin for the suite's own process: its fixtures meet a worker that already runs.

The suite starts a worker inside its process and looks into it; this one is a process of its own, so the
fixtures that start one are replaced before the suite's conftest imports them.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery.contrib import pytest as theirs
from celery.contrib.testing.manager import ManagerMixin

from jobs.conf import Settings
from jobs.ledger import Ledger

MODE = os.environ["SUITE_MODE"]
REPORT = Path(os.environ["SUITE_REPORT"])
TEST_SECONDS = 60
IDLE_SECONDS = 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The suite allows a test five minutes and five more tries; here it has one, and a minute."""
    for item in items:
        item.add_marker(pytest.mark.timeout(TEST_SECONDS), append=False)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """One line for each test that ended in a phase: its name and its outcome."""
    if report.when == "call" or report.outcome != "passed":
        name = report.nodeid.removeprefix("t/integration/")
        why = "" if report.outcome == "passed" else str(report.longrepr)[-2000:]
        with REPORT.open("a") as lines:
            lines.write(json.dumps({"test": name, "outcome": report.outcome, "why": why}) + "\n")


def _wait_until_idle(manager: Any) -> None:
    """The suite purges the queue and asks what is active; here the ledger says what is left."""
    ledger = Ledger(Settings(REDIS_URL=os.environ["TEST_BROKER"]))
    until = time.monotonic() + IDLE_SECONDS
    while (counts := ledger.counts("celery")).waiting + counts.started and time.monotonic() < until:
        time.sleep(0.05)


ManagerMixin.wait_until_idle = _wait_until_idle


@pytest.fixture(scope="session")
def celery_session_worker(celery_session_app: Any, celery_includes: Any, celery_class_tasks: Any) -> None:
    """No worker of its own; its tasks are known to the client all the same."""
    for module in celery_includes:
        celery_session_app.loader.import_task_module(module)
    for task in celery_class_tasks:
        celery_session_app.register_task(task)


@pytest.fixture(scope="session")
def our_session_app() -> Any:
    """The platform's own application: what is submitted through it goes to the ledger."""
    from djangoNinja import app

    app.set_default()
    app.set_current()
    return app


@pytest.fixture
def our_app(request: pytest.FixtureRequest, celery_session_app: Any) -> Iterator[Any]:
    """The same application, with a test's settings for as long as it runs."""
    mark = request.node.get_closest_marker("celery")
    conf = celery_session_app.conf
    before = dict(conf.changes)
    conf.update(mark.kwargs if mark else {})
    yield celery_session_app
    conf.changes.clear()
    conf.changes.update(before)


theirs.celery_session_worker = celery_session_worker
if MODE == "ledger":
    theirs.celery_session_app, theirs.celery_app = our_session_app, our_app
