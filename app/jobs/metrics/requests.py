"""The API's requests, counted and timed in the process that answers them.

Where `PROMETHEUS_MULTIPROC_DIR` names a directory, the processes of one gunicorn keep their numbers there,
and any of them answers for all.
"""

import re
import time
from functools import lru_cache

from prometheus_client import Counter, Histogram

from jobs.metrics.families import REQUEST_TIME, REQUESTS

UNMATCHED = "(none)"
"""The route of a request that has none; what was asked for is the caller's to choose, and so no label."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_requests = Counter(REQUESTS.name, REQUESTS.help, REQUESTS.labels)
_times = Histogram(REQUEST_TIME.name, REQUEST_TIME.help, REQUEST_TIME.labels, buckets=_SECONDS)


class Timing:
    """One request, from its making to `answered`."""

    def __init__(self, method: str) -> None:
        self._method = method if method in METHODS else "(other)"
        self._began = time.perf_counter()

    def answered(self, route: str | None, status: int) -> None:
        """`route` as Django has it: `api/tasks/status/<str:task_id>/`; None where none fits."""
        named = named_route(route) if route is not None else UNMATCHED
        _requests.labels(self._method, named, str(status)).inc()
        _times.labels(self._method, named).observe(time.perf_counter() - self._began)


@lru_cache(maxsize=1024)
def named_route(route: str) -> str:
    """As the documentation writes it: `/api/tasks/status/{task_id}/`."""
    named = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
    return f"/{named.strip('/')}/"
