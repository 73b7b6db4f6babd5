"""Stock Celery's side of the proof: the same tasks, with what Celery has against loss turned on.

Also a small WSGI API with the platform's own routes, so that it is submitted to, killed and asked in
the same way. It is Celery alone: neither Django nor the platform's worker is loaded.
"""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

from celery import Celery

from jobs.chaos.witness import effect

VISIBILITY_SECONDS = 10
"""After this a message that nobody acknowledged is given out again; the longest attempt takes 2 s."""

app = Celery("stock")  # broker and backend: Celery's own CELERY_BROKER_URL, CELERY_RESULT_BACKEND
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={"visibility_timeout": VISIBILITY_SECONDS},
    broker_connection_retry_on_startup=True,
)


class Doomed(Exception):
    """What a task raises that is to fail."""


def _done(task: Any, run: str, serial: int, milliseconds: int = 0, failures: int = 0) -> dict[str, int]:
    token = time.monotonic_ns()  # there is no fence: the later attempt has the higher
    with effect(run, serial, task.request.id, token, task.request.retries + 1):
        time.sleep(milliseconds / 1000)
        if task.request.retries < failures:
            raise Doomed(f"attempt {task.request.retries + 1} of a job that fails {failures} times")
        return {"serial": serial, "token": token}


@app.task(name="chaos.quick", bind=True)
def quick(self: Any, run: str, serial: int) -> dict[str, int]:
    """End at once."""
    return _done(self, run, serial)


@app.task(name="chaos.urgent", bind=True)
def urgent(self: Any, run: str, serial: int) -> dict[str, int]:
    """End at once."""
    return _done(self, run, serial)


@app.task(name="chaos.slow", bind=True)
def slow(self: Any, run: str, serial: int, milliseconds: int) -> dict[str, int]:
    """Take some time."""
    return _done(self, run, serial, milliseconds)


@app.task(name="chaos.failing", bind=True)
def failing(self: Any, run: str, serial: int, failures: int) -> dict[str, int]:
    """Fail so many times, then succeed."""
    try:
        return _done(self, run, serial, failures=failures)
    except Doomed as error:
        raise self.retry(exc=error, countdown=0.2, max_retries=10) from error


@app.task(name="chaos.doomed", bind=True)
def doomed(self: Any, run: str, serial: int) -> dict[str, int]:
    """Fail for good."""
    return _done(self, run, serial, failures=99)


def application(
    environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], object]
) -> Iterable[bytes]:
    """`/readyz`, and the platform's routes for a submit, a status and a cancel."""
    status, body = _answer(environ["REQUEST_METHOD"], environ["PATH_INFO"].strip("/").split("/"), environ)
    told = json.dumps(body).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(told)))]
    start_response(status, headers)
    return [told]


def _answer(method: str, path: list[str], environ: dict[str, Any]) -> tuple[str, object]:
    match method, path:
        case "GET", ["readyz"]:
            return "200 OK", {}
        case "GET", ["api", "tasks", "status", task_id]:
            meta = app.backend.get_task_meta(task_id)
            result = meta["result"] if meta["status"] == "SUCCESS" else str(meta["result"])
            return "200 OK", {"task_id": task_id, "status": meta["status"], "result": result}
        case "POST", ["api", "tasks", name]:
            arguments = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            delay = float(dict(parse_qsl(environ["QUERY_STRING"])).get("delay", 0))
            sent = app.tasks[name].apply_async(kwargs=arguments, countdown=delay or None)
            return "202 Accepted", {"task_id": sent.id}
        case "POST", ["api", "jobs", task_id, "cancel"]:
            app.control.revoke(task_id)
            return "202 Accepted", {"task_id": task_id}
        case _:
            return "404 Not Found", {}
