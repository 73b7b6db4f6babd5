"""What is learned of the API before a run: that it knows the tasks, and what else it can do."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.chaos import cancels
from jobs.chaos.client import Answer, Api, Unanswered
from jobs.chaos.plan import TASKS, CannotRun

START_SECONDS = 60.0
PAUSE_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class Abilities:
    """What an API can do."""

    idempotent: bool
    """Two submits under one key make one job."""
    cancels: bool


def probe(urls: Sequence[str], run: str) -> Abilities:
    """Run a job, and look.

    Raises:
        CannotRun: the tasks are not known there, or no worker runs them.
    """
    api = Api(urls, run)
    try:
        arguments = {"run": f"{run}probe", "serial": 0}
        first, second = (_submit(api, arguments, f"{run}-probe") for _ in range(2))
        _wait_for_end(api, first)
        _wait_for_end(api, second)
        refused = _answer(api, "POST", cancels.path(first)).status in cancels.NO_ROUTE
        return Abilities(idempotent=first == second, cancels=not refused)
    finally:
        api.close()


def _submit(api: Api, arguments: dict[str, object], key: str) -> str:
    answer = _answer(api, "POST", "/api/tasks/chaos.quick/", arguments, key)
    if answer.status == 404:
        raise CannotRun(
            "the API knows no task chaos.quick: start API and workers with "
            f"JOBS_TASK_PACKAGES={TASKS} (and your own packages)"
        )
    if answer.status not in (200, 202):
        raise CannotRun(f"a submit was answered with {answer.status}: {answer.body[:300]!r}")
    return str(answer.json()["task_id"])


def _wait_for_end(api: Api, task_id: str) -> None:
    until = time.monotonic() + START_SECONDS
    while (told := _answer(api, "GET", f"/api/tasks/status/{task_id}/").json())["status"] != "SUCCESS":
        if time.monotonic() > until or told["status"] == "FAILURE":
            raise CannotRun(
                f"a job of chaos.quick is {told['status']} {START_SECONDS:.0f} s after its submit: workers "
                f"must run with JOBS_TASK_PACKAGES={TASKS} and serve the default queue"
            )
        time.sleep(PAUSE_SECONDS)


def _answer(
    api: Api, method: str, path: str, arguments: dict[str, object] | None = None, key: str = ""
) -> Answer:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            answer = api.get(path) if method == "GET" else api.post(path, arguments or {}, key)
        except Unanswered as error:
            if time.monotonic() > until:
                raise CannotRun(f"the API does not answer: {error}") from None
        else:
            if answer.status < 500 or time.monotonic() > until:
                return answer
        time.sleep(PAUSE_SECONDS)
