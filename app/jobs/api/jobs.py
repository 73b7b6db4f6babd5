"""The jobs over HTTP: lists, status, detail, log, and the results that are stored."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from ninja import Router

from jobs import results
from jobs.api import actions, routes
from jobs.api.openapi import parameters
from jobs.api.schemas import BulkBody, DetailBody, JobsBody, LogBody, OutcomeBody, ProblemBody, StatusBody
from jobs.detail import Detail, read_detail
from jobs.errors import ResultNotStored
from jobs.history import Log, read_log
from jobs.listing import JobsParameters, Listed, Short, list_jobs
from jobs.parameters import read
from jobs.status import Status, checked_id, read_status, stored_token

router = Router(tags=["jobs"])


def status(request: HttpRequest, task_id: str) -> Status:
    """Whether the job waits, runs or has ended, and its result."""
    return read_status(checked_id(task_id))


def no_id(request: HttpRequest) -> None:
    """The status of a job, without its id."""
    checked_id("")


def result(request: HttpRequest, task_id: str) -> HttpResponseBase:
    """The result of a job that was too large for its status, as the task returned it."""
    token = stored_token(checked_id(task_id))
    if token is None:
        raise ResultNotStored(f"{task_id}: its status holds its result, once it ended.")
    etag = f'"{token}-{task_id.encode().hex()}"'
    if fresh := get_conditional_response(request, etag=etag):
        return fresh
    stored = results.read(task_id, token)
    headers = {"Content-Length": str(stored.size_bytes), "ETag": etag}
    if request.method == "HEAD":
        return HttpResponse(content_type="application/json", headers=headers)
    return StreamingHttpResponse(stored.pieces(), content_type="application/json", headers=headers)


def detail(request: HttpRequest, task_id: str) -> Detail:
    """All that is known of a job: what it waits for, its times, its attempts, its progress."""
    return read_detail(checked_id(task_id))


def log(request: HttpRequest, task_id: str) -> Log:
    """The lines that the job's attempts wrote to its log, the oldest first."""
    return read_log(checked_id(task_id))


def listed(request: HttpRequest) -> Listed[Short]:
    """Jobs by state, queue, task and key, page by page."""
    said = read(JobsParameters, routes.query(request))
    return list_jobs(said.filter(), limit=said.limit, cursor=said.cursor)


MISSING = dict.fromkeys((404, 410, 503), ProblemBody)
REFUSED = dict.fromkeys((404, 409, 410, 503), ProblemBody)
MANY = dict.fromkeys((422, 503), ProblemBody)
JOB = "/api/jobs/{path:task_id}"

routes.add(
    router, "GET", "/api/tasks/status/{path:task_id}/", status, operation_id="status",
    response={200: StatusBody} | MISSING,
)  # fmt: skip
routes.add(router, "GET", "/api/tasks/status/", no_id, include_in_schema=False)

routes.add(
    router, "GET", "/api/jobs/", listed, operation_id="jobs", response={200: JobsBody} | MANY,
    openapi_extra=parameters(JobsParameters),
)  # fmt: skip
routes.add(
    router, "POST", "/api/jobs/cancel/", actions.cancel_many, operation_id="cancel_many",
    response={200: BulkBody} | MANY, openapi_extra=parameters(actions.CancelParameters),
)  # fmt: skip
routes.add(
    router, "GET", f"{JOB}/result/", result, operation_id="result", response={304: None} | MISSING,
    openapi_extra={"responses": {200: {"description": "OK", "content": {"application/json": {}}}}},
)  # fmt: skip
routes.add(router, "GET", f"{JOB}/log/", log, operation_id="log", response={200: LogBody} | MISSING)
for name, act in (("cancel", actions.cancel), ("retry", actions.retry)):
    routes.add(
        router, "POST", f"{JOB}/{name}/", act, operation_id=name,
        response={200: OutcomeBody} | REFUSED | ({429: ProblemBody} if name == "retry" else {}),
    )  # fmt: skip
    # A job may have an id that ends so.
    routes.add(
        router, "GET", f"{JOB}/{name}/", actions.ending(detail, name), include_in_schema=False,
        response={200: DetailBody},
    )  # fmt: skip
    routes.add(
        router, "DELETE", f"{JOB}/{name}/", actions.ending(actions.discard, name),
        include_in_schema=False, response={204: None},
    )  # fmt: skip
routes.add(
    router, "GET", "/api/jobs/cancel/", actions.named(detail, "cancel"), include_in_schema=False,
    response={200: DetailBody},
)  # fmt: skip
routes.add(
    router, "DELETE", "/api/jobs/cancel/", actions.named(actions.discard, "cancel"),
    include_in_schema=False, response={204: None},
)  # fmt: skip
routes.add(router, "GET", f"{JOB}/", detail, operation_id="detail", response={200: DetailBody} | MISSING)
routes.add(
    router, "DELETE", f"{JOB}/", actions.discard, operation_id="discard", response={204: None} | REFUSED
)
