"""The jobs over HTTP: status, detail, and the results that are stored in the database."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from ninja import Router

from jobs import results
from jobs.api import routes
from jobs.api.schemas import DetailBody, ProblemBody, StatusBody
from jobs.errors import JobNotFound, ResultNotStored
from jobs.ids import MAX_LENGTH, is_well_formed
from jobs.status import Detail, Status, read_detail, read_status, stored_token

router = Router(tags=["jobs"])


def status(request: HttpRequest, task_id: str) -> Status:
    """Whether the job waits, runs or has ended, and its result."""
    return read_status(_checked(task_id))


def no_id(request: HttpRequest) -> None:
    """The routes of a job, without its id."""
    _checked("")


def result(request: HttpRequest, task_id: str) -> HttpResponseBase:
    """The result of a job that was too large for its status, as the task returned it."""
    token = stored_token(_checked(task_id))
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
    """What is known of a job: its times, its attempt, its progress."""
    return read_detail(_checked(task_id))


def _checked(task_id: str) -> str:
    """The id, if a job could have it.

    Raises:
        JobNotFound: none could; the ledger is not asked.
    """
    if not is_well_formed(task_id):
        shown = repr(task_id[:40])
        raise JobNotFound(f"{shown}: an id has 1 to {MAX_LENGTH} characters and no control character.")
    return task_id


MISSING = {404: ProblemBody, 503: ProblemBody}
routes.add(
    router, "GET", "/api/tasks/status/{path:task_id}/", status, operation_id="status",
    response={200: StatusBody} | MISSING,
)  # fmt: skip
routes.add(
    router, "GET", "/api/jobs/{path:task_id}/result/", result, operation_id="result",
    response={304: None} | MISSING,
    openapi_extra={"responses": {200: {"description": "OK", "content": {"application/json": {}}}}},
)  # fmt: skip
routes.add(
    router, "GET", "/api/jobs/{path:task_id}/", detail, operation_id="detail",
    response={200: DetailBody} | MISSING,
)  # fmt: skip
routes.add(router, "GET", "/api/tasks/status/", no_id, include_in_schema=False)
routes.add(router, "GET", "/api/jobs/", no_id, include_in_schema=False)
