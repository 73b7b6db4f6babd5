"""What of a submit's options and headers goes with the job to its worker, and in what form."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from celery.app.task import Context, Task
from celery.utils.nodenames import anon_nodename
from celery.utils.saferepr import saferepr
from celery.utils.time import maybe_make_aware

CARRIED = (
    "time_limit", "soft_time_limit", "headers", "shadow", "eta", "expires", "retries", "stamped_headers",
    "max_attempts",
)  # fmt: skip
"""Options of `apply_async` that go with the job to its worker."""
CELERYS = frozenset({
    "lang", "task", "id", "shadow", "eta", "expires", "group", "group_index", "retries", "timelimit",
    "root_id", "parent_id", "argsrepr", "kwargsrepr", "origin", "ignore_result", "replaced_task_nesting",
    "stamped_headers", "stamps", "args", "kwargs", "utc", "callbacks", "errbacks", "chain", "chord",
    "taskset", "compression",
})  # fmt: skip
"""Headers of a message (of protocol 1: fields of its body) that are Celery's, not a sender's own."""


def carried(options: Mapping[str, Any], parent: Context | None, task_id: str) -> str:
    """What goes with the job to its worker, as JSON; '' where there is nothing."""
    found = {name: options[name] for name in CARRIED if options.get(name)}
    if options.get("ignore_result") is not None:
        found["ignore_result"] = options["ignore_result"]
    root = options.get("root_id") or (parent and (parent.root_id or parent.id))
    if root and root != task_id:
        found["root_id"] = root
    if above := options.get("parent_id") or (parent and parent.id):
        found["parent_id"] = above
    if stamped := options.get("stamped_headers"):
        found["stamps"] = options.get("stamps") or {name: options.get(name) for name in stamped}
    return json.dumps(found, separators=(",", ":"), default=str) if found else ""


def message(
    task: Task,
    task_id: str,
    queue: str,
    call: tuple[Sequence[Any], Mapping[str, Any]],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """What the signals around a publish tell: the message that stock Celery would send."""
    args, kwargs = call
    headers = {
        "lang": "py", "task": task.name, "id": task_id, "shadow": options.get("shadow"),
        "eta": options.get("eta"), "expires": options.get("expires"), "group": None, "group_index": None,
        "retries": options.get("retries", 0),
        "timelimit": [options.get("time_limit"), options.get("soft_time_limit")],
        "root_id": options.get("root_id") or task_id, "parent_id": options.get("parent_id"),
        "argsrepr": saferepr(args), "kwargsrepr": saferepr(kwargs), "origin": anon_nodename(),
        "ignore_result": options.get("ignore_result", task.ignore_result),
    }  # fmt: skip
    links = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    return {
        "sender": task.name, "body": (args, kwargs, links), "exchange": "", "routing_key": queue,
        "headers": {**(options.get("headers") or {}), **headers},
    }  # fmt: skip


def own_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """A sender's own headers, those that have a JSON form."""
    kinds = (str, int, float, bool, list, dict)
    own = headers.keys() - CELERYS
    return {name: value for name, value in headers.items() if name in own and isinstance(value, kinds)}


def aware(instant: datetime | str | None) -> datetime | None:
    """An `eta` as an aware datetime; a naive one is UTC, as Celery takes it by default."""
    if isinstance(instant, str):
        instant = datetime.fromisoformat(instant)
    return None if instant is None else maybe_make_aware(instant, UTC)


def expiry(expires: float | datetime | str | None) -> datetime | timedelta | None:
    """An `expires`: an aware instant, or the time from now on that its seconds mean."""
    return timedelta(seconds=expires) if isinstance(expires, int | float) else aware(expires)


def told_times(
    run_at: datetime | None, delay: timedelta, expires: datetime | timedelta | None
) -> dict[str, str | None]:
    """`eta` and `expires` as a message of Celery tells them, by this machine's clock."""
    eta = run_at or (datetime.now(UTC) + delay if delay else None)
    if isinstance(expires, timedelta):
        expires = datetime.now(UTC) + expires
    return {name: at.isoformat() if at else None for name, at in (("eta", eta), ("expires", expires))}
