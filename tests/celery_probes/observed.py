"""A task whose every hook and signal writes a line: its name, and what it was given."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from celery import Task, shared_task, signals
from celery.exceptions import Ignore

NAME = "observed"


def write(file: str, event: str, **told: Any) -> None:
    with Path(file).open("a") as lines:
        lines.write(json.dumps({"event": event, **told}) + "\n")


class Observed(Task):
    """Made from Celery's own class, not from an application's."""

    abstract = True

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        write(kwargs["file"], "before_start")

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        write(kwargs["file"], "on_success", retval=retval)
        if kwargs["how"] == "hook":
            raise LookupError("in a hook")

    def on_failure(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        write(kwargs["file"], "on_failure", error=repr(exc), einfo=type(einfo).__name__)

    def on_retry(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        write(kwargs["file"], "on_retry", error=repr(exc), einfo=type(einfo).__name__)

    def after_return(
        self, status: str, retval: Any, task_id: str, args: Any, kwargs: Any, einfo: Any
    ) -> None:
        write(kwargs["file"], "after_return", status=status, retval=repr(retval), einfo=repr(einfo))


@shared_task(name=NAME, base=Observed, bind=True, max_retries=1)
def observed(self: Any, *, file: str, how: str) -> str:
    write(file, "run", retries=self.request.retries)
    if how == "fail":
        raise ValueError("as asked")
    if how == "retry":
        raise self.retry(exc=OSError("again"), countdown=0)
    if how == "retry once" and not self.request.retries:
        raise self.retry(countdown=0)
    if how == "ignore":
        raise Ignore
    return how


def _file(task: Any) -> str | None:
    """Where the running task wants its lines; None where it is not the observed one."""
    if getattr(task, "name", None) != NAME:
        return None
    return str(task.request.kwargs["file"])


def _on(name: str, *told: str) -> None:
    """Write what a worker's signal gave: the names of all, and the values of some."""

    def receive(sender: Any = None, **given: Any) -> None:
        if file := _file(sender):
            shown = {each: repr(given[each]) for each in told}
            write(file, name, given=sorted(set(given) - {"signal"}), **shown)

    getattr(signals, name).connect(receive, weak=False)


_on("task_prerun")
_on("task_postrun", "state", "retval")
_on("task_success", "result")
_on("task_failure", "exception")
_on("task_retry")
_on("task_internal_error", "exception")


def _on_publish(name: str) -> None:
    def receive(sender: Any = None, body: Any = None, headers: Mapping[str, Any] = {}, **given: Any) -> None:
        if sender == NAME:
            names = sorted(set(given) - {"signal"})
            write(
                body[1]["file"], name, given=names, headers=sorted(headers), routing_key=given["routing_key"]
            )

    getattr(signals, name).connect(receive, weak=False)


_on_publish("before_task_publish")
_on_publish("after_task_publish")
