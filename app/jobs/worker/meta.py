"""Celery's result, as JSON that is still open: the ledger adds `date_done` and `task_id` and closes it."""

from typing import Any

from billiard.exceptions import WorkerLostError
from celery.app.base import Celery
from kombu.utils import json
from kombu.utils.encoding import safe_repr, safe_str

from jobs.failure import LEFT_OUT, written

TRACEBACK_LIMIT = 16_384
"""Characters of a traceback that are kept: half from its beginning, half from its end."""
MESSAGE_LIMIT = 16_384
"""Bytes of an exception's arguments, as JSON, that are kept as they are."""


def succeeded(result: str, children: list[Any]) -> str:
    """A success; `result` is JSON."""
    told = json.dumps(children) if children else "[]"
    return f'{{"status":"SUCCESS","result":{result},"traceback":null,"children":{told}'


def failed(app: Celery, state: str, error: BaseException, children: list[Any]) -> str:
    """A failure or a retry, with the error as Celery's clients raise it again."""
    told = _told(app, error)
    result = json.dumps(told)
    if len(result) > MESSAGE_LIMIT:
        result = json.dumps({**told, "exc_message": [safe_str(error)[:4096]]})
    rest = f'"traceback":{json.dumps(_trace(error))},"children":{json.dumps(children)}'
    return f'{{"status":"{state}","result":{result},{rest}'


def _told(app: Celery, error: BaseException) -> dict[str, Any]:
    """The error's class and arguments. What is no `Exception` would end a client that raised it again."""
    if not isinstance(error, Exception):
        error = WorkerLostError(f"The task raised {safe_repr(error)}")
    try:
        told: dict[str, Any] = app.backend.prepare_exception(error)
        json.dumps(told)
    except Exception:  # noqa: BLE001 - it is the task's own class, and may do anything
        kind = type(error)
        return {"exc_type": kind.__name__, "exc_message": [safe_repr(error)], "exc_module": kind.__module__}
    return told


def _trace(error: BaseException) -> str:
    text, half = written(error), TRACEBACK_LIMIT // 2
    return text if len(text) <= TRACEBACK_LIMIT else f"{text[:half]}{LEFT_OUT}{text[-half:]}"


def custom(state: str, result: Any) -> str:
    """A state of the task's own (`update_state`)."""
    return f'{{"status":{json.dumps(state)},"result":{json.dumps(result)},"traceback":null,"children":[]'
