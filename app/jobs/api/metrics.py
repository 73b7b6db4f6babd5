"""Metrics over HTTP, for Prometheus."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from ninja import Router

from jobs import metrics
from jobs.api import bearer, routes
from jobs.api.schemas import ProblemBody
from jobs.conf import settings

router = Router(tags=["metrics"])


def of_process(request: HttpRequest) -> HttpResponse:
    """What this pod counted: its requests by route and status, and how long they took."""
    return _answer(request, metrics.of_process)


def of_ledger(request: HttpRequest) -> HttpResponse:
    """The whole ledger: jobs and attempts counted and timed, queues, pools, Redis. For one target alone."""
    return _answer(request, metrics.of_ledger)


def _answer(request: HttpRequest, page: Callable[[str], metrics.Page]) -> HttpResponse:
    own = settings()
    bearer.check(request, own.METRICS_TOKEN, own.METRICS_TOKEN_FILE, "JOBS_METRICS_TOKEN")
    made = page(request.headers.get("Accept", ""))
    return HttpResponse(made.body, content_type=made.content_type)


_TEXT = {200: {"description": "OK", "content": {"text/plain": {"schema": {"type": "string"}}}}}
for path, view, name in (
    ("/metrics", of_process, "metrics"),
    ("/metrics/ledger", of_ledger, "ledger_metrics"),
):
    routes.add(
        router, "GET", path, view, operation_id=name, response={401: ProblemBody},
        openapi_extra={"responses": _TEXT},
    )  # fmt: skip
