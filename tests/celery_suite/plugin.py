"""A pytest plugin for the suite's own process: its fixtures meet a worker that already runs.

The suite starts a worker inside its process and looks into it; this one is a process of its own, so the
fixtures that start one are replaced before the suite's conftest imports them.
"""

import gc
import json
import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.contrib import pytest as theirs
from celery.contrib.testing.manager import ManagerMixin
from celery.utils import nodenames
from celery.worker import state

from jobs.conf import Settings
from jobs.ledger import Ledger, State

WORKER = os.environ["SUITE_WORKER"]
MODE = os.environ["SUITE_MODE"]
LEDGER = Ledger(Settings(REDIS_URL=os.environ["TEST_BROKER"]))
REPORT = Path(os.environ["SUITE_REPORT"])
TEST_SECONDS = 60
IDLE_SECONDS = 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The suite allows a test five minutes and five more tries; here it has a minute, and one more."""
    for item in items:
        item.add_marker(pytest.mark.timeout(TEST_SECONDS), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None]:
    """A test's results are subscribed to until they are collected, and other tests count subscriptions."""
    yield
    gc.collect()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """One line for each test that ended in a phase: its name and its outcome."""
    if report.when == "call" or report.outcome != "passed":
        name = report.nodeid.removeprefix("t/integration/")
        why = "" if report.outcome == "passed" else str(report.longrepr)[-2000:]
        with REPORT.open("a") as lines:
            lines.write(json.dumps({"test": name, "outcome": report.outcome, "why": why}) + "\n")


class _Succeeded:
    """The suite asks its worker's memory which tasks succeeded; here the ledger says."""

    def __contains__(self, task_id: str) -> bool:
        found = LEDGER.status(task_id)
        return found is not None and found[0] is State.SUCCESS


def _wait_until_idle(manager: Any) -> None:
    """The suite purges the queue and asks what is active; here the ledger says what is left."""
    until = time.monotonic() + IDLE_SECONDS
    while (counts := LEDGER.counts("celery")).waiting + counts.started and time.monotonic() < until:
        time.sleep(0.05)


state.successful_requests = _Succeeded()
ManagerMixin.wait_until_idle = _wait_until_idle
nodenames.anon_nodename = lambda *_, **__: WORKER  # the suite takes its worker's name from its own process


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
def our_app(request: pytest.FixtureRequest) -> Iterator[Any]:
    """An application made as the platform's is, with a test's settings."""
    from jobs.worker import install

    app = Celery("djangoNinja", set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    install(app)
    mark = request.node.get_closest_marker("celery")
    app.conf.update(mark.kwargs if mark else {})
    yield app
    app.close()


theirs.celery_session_worker = celery_session_worker
if MODE == "ledger":
    theirs.celery_session_app, theirs.celery_app = our_session_app, our_app
