"""Where what happens here comes from: the request that this thread answers, or that its job came with."""

import json
import re
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar

REQUEST_ID = "X-Request-ID"
"""The header with which a caller names its request, and an answer tells the name."""
KEPT_AS = "request_id"
"""Its name in a job's options, and on a line of the log."""
_NAME = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""'' where nothing here comes from a request."""

carried: list[Callable[[], Mapping[str, str]]] = []
"""Each says what else of where this comes from goes with a new job: the trace, where there are traces."""


def named(given: str | None) -> str:
    """The name of a request: the one that its caller gave, where it can stand in a log; else a new one."""
    return given if given and _NAME.fullmatch(given) else uuid.uuid4().hex


def with_origin(options: str) -> str:
    """A new job's options (JSON, or ''), with the request that it comes from."""
    comes_from: dict[str, str] = {KEPT_AS: origin} if (origin := request_id.get()) else {}
    for tell in carried:
        comes_from |= tell()
    if not comes_from:
        return options
    told = json.loads(options) if options else {}
    return json.dumps({**told, **comes_from}, separators=(",", ":"))
