"""Celery's remote control, where it would show a bell and its user means jobs."""

import time
from typing import Any

from celery.app.control import Control
from celery.app.utils import filter_hidden_settings
from celery.utils.functional import maybe_list
from celery.utils.saferepr import saferepr
from celery.utils.serialization import jsonify, strtobool
from celery.worker import state as worker_state
from celery.worker.control import control_command, inspect_command

from jobs.errors import JobsError
from jobs.ledger import ledger
from jobs.worker import drain


def register() -> None:
    """Put the platform's commands in the place of Celery's."""
    inspect_command(alias="dump_active")(active)
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
    return dict(zip(ids, ledger().cancel(ids, running=terminate, reason=reason) if ids else [], strict=True))


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
            "id": running.job_id, "name": running.task, "type": running.task, "args": [], "kwargs": {},
            "hostname": crew.place.hostname, "time_start": _wall_clock(running.started),
            "acknowledged": True, "delivery_info": {}, "worker_pid": running.pid,
        }
        for _, running in crew.board.slots()
        if running.token
    ]  # fmt: skip


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
