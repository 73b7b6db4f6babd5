"""Every error answer as a problem, whoever gave it: the platform, Ninja or Django."""

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from jobs.errors import JobsError
from jobs.problem import CONTENT_TYPE, Problem, of_error, of_status


def install(api: NinjaAPI) -> None:
    """Make this API tell its errors as problems."""

    @api.exception_handler(JobsError)
    def known(request: HttpRequest, error: JobsError) -> HttpResponse:
        if error.status == JobsError.status:
            raise error  # as `unforeseen` does
        return response(of_error(error))

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
        return response(of_status(422, "The request's parameters do not fit.", errors=error.errors))

    @api.exception_handler(HttpError)
    def refused(request: HttpRequest, error: HttpError) -> HttpResponse:
        return response(of_status(error.status_code, error.message))

    @api.exception_handler(Http404)
    def missing(request: HttpRequest, error: Http404) -> HttpResponse:
        return response(of_status(404, told(404, request)))

    @api.exception_handler(Exception)
    def unforeseen(request: HttpRequest, error: Exception) -> HttpResponse:
        # Django logs it and sends `got_request_exception`, which error trackers listen to; its
        # answer then passes the middleware `problems_only`.
        raise error


def response(problem: Problem) -> HttpResponse:
    """The problem as Django's answer."""
    return HttpResponse(
        problem.body(), status=problem.status, content_type=CONTENT_TYPE, headers=problem.headers
    )


def told(status: int, request: HttpRequest) -> str:
    """What to say where nobody said more than a status."""
    match status:
        case 404:
            return f"There is nothing at {request.path}; /api/docs shows what there is."
        case 405:
            return f"{request.method} does not work here; the Allow header names what does."
        case 500:
            return "It is our fault and stands in the log; the request may be tried again."
        case _:
            return "The request cannot be served as it is."
