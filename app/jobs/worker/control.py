"""Celery's remote control, where it would show a bell and its user means jobs."""

import time
from collections.abc import Mapping
from typing import Any

from celery.app.control import Control
from celery.app.utils import filter_hidden_settings
from celery.utils.functional import maybe_list
from celery.utils.saferepr import saferepr
from celery.utils.serialization import jsonify, strtobool
from celery.worker import state as worker_state
from celery.worker.control import control_command, inspect_command
from celery.worker.control import registered as celery_registered

from jobs.errors import JobsError
from jobs.ledger import BELL_TASK, ledger
from jobs.worker import drain
from jobs.worker.arguments import may_show, shown_arguments
from jobs.worker.board import Running


def register() -> None:
    """Put the platform's commands in the place of Celery's."""
    inspect_command(alias="dump_active")(active)
    inspect_command(alias="dump_reserved")(reserved)
    inspect_command(variadic="ids", signature="[id1 [id2 [... [idN]]]]")(query_task)
    inspect_command(alias="dump_tasks", variadic="taskinfoitems", signature="[attr1 [attr2 [... [attrN]]]]")(
        registered
    )
    inspect_command()(stats)
    inspect_command(
        alias="dump_conf", signature="[include_defaults=False]", args=[("with_defaults", strtobool)]
    )(conf)
    control_command(variadic="task_id", signature="[id1 [id2 [... [idN]]]]")(revoke)


class LedgerControl(Control):
    """Celery's `app.control`, whose `revoke` is durable: it holds with no worker at all."""

    def revoke(
        self,
        task_id: Any,
        destination: Any = None,
        terminate: bool = False,  # noqa: FBT001, FBT002 - Celery's signature
        signal: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Cancel jobs, and those that run too with `terminate`; then tell the workers, as Celery does.

        Raises:
            LedgerUnavailable: Redis does not answer.
        """
        cancel(task_id, terminate=terminate)
        return super().revoke(task_id, destination=destination, terminate=terminate, **kwargs)


def cancel(task_id: Any, *, terminate: bool) -> dict[str, str]:
    """What became of each of these ids, as `Ledger.cancel` says it."""
    ids = [str(each) for each in maybe_list(task_id) or []]
    reason = "terminated" if terminate else "revoked"
    return dict(zip(ids, ledger().cancel(ids, running=terminate, reason=reason), strict=True))


def revoke(state: Any, task_id: Any, terminate: bool = False, signal: Any = None, **_: Any) -> dict[str, Any]:  # noqa: FBT001, FBT002 - Celery's signature
    """Cancel jobs by id; with `terminate` also those that run. The signal is the platform's to choose."""
    worker_state.revoked.update(maybe_list(task_id) or [])  # for a message that is not adopted yet
    try:
        words = cancel(task_id, terminate=bool(terminate))
    except JobsError as error:
        return {"error": str(error)}
    return {"ok": ", ".join(f"{each} {word}" for each, word in words.items())}


def active(state: Any, safe: bool = False) -> list[dict[str, Any]]:  # noqa: FBT001, FBT002 - Celery's signature
    """The jobs that this worker runs, as `celery inspect active` and Flower show tasks."""
    crew = drain.crew()
    if crew is None:
        return []
    return [
        {
            "id": running.job_id, "name": running.task, "type": running.task,
            **_arguments(state.app.tasks, running), "hostname": crew.place.hostname,
            "time_start": _wall_clock(running.started), "acknowledged": True, "delivery_info": {},
            "worker_pid": running.pid,
        }
        for _, running in crew.board.slots()
        if running.token
    ]  # fmt: skip


def _arguments(tasks: Mapping[str, Any], running: Running) -> dict[str, Any]:
    """Of a job whose task lets them be shown."""
    if not may_show(tasks, running.task):
        return {"args": None, "kwargs": None}
    try:
        record = ledger().record(running.job_id)
    except JobsError:
        record = None
    args, kwargs = shown_arguments(tasks, record) or (None, None)
    return {"args": args, "kwargs": kwargs}


def reserved(state: Any, **_: Any) -> list[Any]:
    """None: jobs wait in the ledger, and no worker has them before it runs them."""
    return []


def query_task(state: Any, ids: Any, **_: Any) -> dict[str, Any]:
    """Which of these jobs this worker runs."""
    wanted = {str(each) for each in maybe_list(ids) or []}
    return {each["id"]: ("active", each) for each in active(state) if each["id"] in wanted}


def registered(state: Any, taskinfoitems: Any = None, builtins: bool = False, **_: Any) -> list[str]:  # noqa: FBT001, FBT002 - Celery's signature
    """The tasks that this worker knows; the bell is none."""
    found = celery_registered(state, taskinfoitems=taskinfoitems, builtins=builtins)
    return [each for each in found if each.partition(" ")[0] != BELL_TASK]


def stats(state: Any, **_: Any) -> dict[str, Any]:
    """Celery's own, and by task the attempts that ended here."""
    found: dict[str, Any] = state.consumer.controller.stats()
    pool, crew = found["pool"], drain.crew()
    if "processes" in pool:  # else what it began with, whatever it grew or shrank to
        pool["max-concurrency"] = len(pool["processes"])
    return found | {"total": crew.counted.by_task(crew.board.used) if crew else {}}


def _wall_clock(monotonic: float) -> float:
    return time.time() - (time.monotonic() - monotonic)


def conf(state: Any, with_defaults: bool = False, **_: Any) -> Any:  # noqa: FBT001, FBT002 - Celery's signature
    """Celery's settings, and not all of Django's, by their own names; addresses without passwords."""
    source, known = state.app.conf, state.app.conf.maps[-1]  # the defaults come last, and are all there is
    items = (source if with_defaults else source.without_defaults()).items()
    short = ((name.removeprefix("CELERY_").lower(), value) for name, value in items if isinstance(name, str))
    found = {name: value for name, value in short if name in known}
    # As `CELERY_BROKER_URL` says it, this may be no address that kombu can read.
    found |= dict.fromkeys(("broker_url", "result_backend"), found["broker_read_url"])
    return jsonify(filter_hidden_settings(found), unknown_type_filter=saferepr)
