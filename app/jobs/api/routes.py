"""How a route is put up: with and without its last slash, HEAD beside GET.

A POST cannot follow a redirect, so a forgotten slash is served, not corrected. What stands beside
the documented route is left out of OpenAPI.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Router

type View = Callable[..., Any | HttpResponseBase]


def query(request: HttpRequest) -> dict[str, list[str]]:
    """The request's query, as `jobs.parameters` reads it."""
    return {name: list(said) for name, said in request.GET.lists()}


def add(router: Router, method: str, path: str, view: View, **documented: Any) -> None:
    """Serve this path, as it is written and with or without the slash at its end."""
    other = path.removesuffix("/") if path.endswith("/") else f"{path}/"
    for each in (path, other):
        shown = documented if each == path else documented | {"include_in_schema": False}
        router.api_operation([method], each, **shown)(view)
        if method == "GET":
            router.api_operation(["HEAD"], each, **documented | {"include_in_schema": False})(view)
