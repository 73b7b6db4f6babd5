"""A job's arguments as operators see them: where its task allows it (`show_arguments`), and cut."""

import json
from collections.abc import Mapping
from typing import Any

from celery.utils.saferepr import saferepr

from jobs.ledger import LaterFormat, Record, unpack

MOST = 1_000
"""Characters of arguments that are shown."""


def may_show(tasks: Mapping[str, Any], name: str) -> bool:
    """Whether the task lets the arguments of its jobs be shown."""
    return bool(getattr(tasks.get(name), "show_arguments", False))


def shown_arguments(tasks: Mapping[str, Any], record: Record | None) -> tuple[str, str] | None:
    """A job's positional and named arguments; None where they may not be shown, or cannot be read."""
    if record is None or not may_show(tasks, record.fields["task"]):
        return None
    try:
        found = json.loads(unpack(record.fields["args"]))
    except (KeyError, ValueError, LaterFormat):
        return None
    args, kwargs = ((), found) if isinstance(found, dict) else (tuple(found[0]), found[1])
    return saferepr(args, maxlen=MOST), saferepr(kwargs, maxlen=MOST)
