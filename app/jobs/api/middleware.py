"""What Django's middleware does to every answer: it is named and timed, errors become problems."""

from collections.abc import Callable

from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from jobs import tracing
from jobs.api.problems import told
from jobs.metrics import Timing, named_route
from jobs.origin import REQUEST_ID, named, request_id
from jobs.problem import CONTENT_TYPE, of_status

UNTRACED = frozenset({"/livez", "/readyz", "/metrics", "/metrics/ledger"})

type Answering = Callable[[HttpRequest], HttpResponseBase]


def with_origin(get_response: Answering) -> Answering:
    """Each request has a name, its caller's or a new one: on its answer, in the log, and with its jobs."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        name = named(request.headers.get(REQUEST_ID))
        request_id.set(name)  # until this thread's next one: Django logs an answer after all middleware
        given = get_response(request)
        given[REQUEST_ID] = name
        return given

    return answer


def traced(get_response: Answering) -> Answering:
    """Each request is a span, where there are traces; those that ask again and again how we are are none."""
    if not tracing.is_on():
        raise MiddlewareNotUsed

    def answer(request: HttpRequest) -> HttpResponseBase:
        if request.path in UNTRACED:
            return get_response(request)
        with tracing.serving(request.method or "", request.headers, request.path) as span:
            given = get_response(request)
            match = request.resolver_match
            span.answered(named_route(match.route) if match else None, given.status_code)
            return given

    return answer


def timed(get_response: Answering) -> Answering:
    """Each request is counted and timed for `/metrics`."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        timing = Timing(request.method or "")
        given = get_response(request)
        match = request.resolver_match
        timing.answered(match.route if match else None, given.status_code)
        return given

    return answer


def problems_only(get_response: Answering) -> Answering:
    """An error answer that is no problem yet becomes one: Django's own, and DEBUG's pages too."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        given = get_response(request)
        status = given.status_code
        if status >= 400 and isinstance(given, HttpResponse) and given["Content-Type"] != CONTENT_TYPE:
            # Changed in place: it carries `Allow`, and Django's mark that it is logged already.
            given.content = of_status(status, told(status, request)).body()
            given["Content-Type"] = CONTENT_TYPE
            del given["Content-Length"]
        return given

    return answer


def lengths(get_response: Answering) -> Answering:
    """An answer that is no stream has a Content-Length; one to HEAD has nothing else."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        given = get_response(request)
        if isinstance(given, HttpResponse):
            if given.content:
                given.headers.setdefault("Content-Length", str(len(given.content)))
            if request.method == "HEAD":
                given.content = b""
        return given

    return answer
