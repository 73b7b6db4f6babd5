"""Celery's result, as JSON that is still open: the ledger adds `date_done` and `task_id` and closes it."""

import traceback
from typing import Any

from celery.app.base import Celery
from kombu.utils import json

TRACEBACK_LIMIT = 16_384
"""Characters of a traceback that are kept: its end, where the error is."""
MESSAGE_LIMIT = 16_384
"""Bytes of an exception's arguments, as JSON, that are kept as they are."""


def succeeded(result: str, children: list[Any]) -> str:
    """A success; `result` is JSON."""
    return f'{{"status":"SUCCESS","result":{result},"traceback":null,"children":{json.dumps(children) if children else "[]"}'


def failed(app: Celery, state: str, error: BaseException, children: list[Any]) -> str:
    """A failure or a retry, with the error as Celery's clients raise it again."""
    told = app.backend.prepare_exception(error)
    result = json.dumps(told)
    if len(result) > MESSAGE_LIMIT:
        result = json.dumps({**told, "exc_message": [str(error)[:4096]]})
    trace = "".join(traceback.format_exception(error))[-TRACEBACK_LIMIT:]
    return (
        f'{{"status":"{state}","result":{result},"traceback":{json.dumps(trace)},"children":{json.dumps(children)}'
    )


def custom(state: str, result: Any) -> str:
    """A state of the task's own (`update_state`)."""
    return f'{{"status":{json.dumps(state)},"result":{json.dumps(result)},"traceback":null,"children":[]'
