"""The API's own documentation: its schema, and a page that shows it without any other server."""

import json
from pathlib import Path
from typing import Any

import ninja
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI, Router
from ninja.openapi.docs import DocsBase
from ninja.openapi.schema import OpenAPISchema
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from jobs.asked import IDEMPOTENCY_KEY, IDEMPOTENCY_KEY_LENGTH, SubmitParameters
from jobs.problem import CONTENT_TYPE
from jobs.registry import all_tasks
from jobs.task import Task

SHIPPED = Path(ninja.__file__).parent / "static" / "ninja"
"""Swagger UI, as Ninja ships it. Serving its four files from here spares Django's static files."""
ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui-init.js": "text/javascript",
    "favicon.svg": "image/svg+xml",
}
REF = "#/components/schemas/{model}"
ONCE = {
    "in": "header", "name": IDEMPOTENCY_KEY, "required": False,
    "description": "With the same key, task and arguments a submit gets the job that the first one made.",
    "schema": {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_LENGTH},
}  # fmt: skip
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>%(title)s</title>
  <link rel="stylesheet" href="/api/docs/swagger-ui.css">
  <link rel="icon" href="/api/docs/favicon.svg" type="image/svg+xml">
</head>
<body>
  <div id="swagger-ui"></div>
  <script type="application/json" id="swagger-settings">%(settings)s</script>
  <script src="/api/docs/swagger-ui-bundle.js"></script>
  <script src="/api/docs/swagger-ui-init.js"></script>
</body>
</html>
"""

assets = Router()


class DocumentedAPI(NinjaAPI):
    """A Ninja API whose schema also holds what its tasks take and give."""

    def get_openapi_schema(self, **where: Any) -> OpenAPISchema:
        """The OpenAPI document."""
        document = super().get_openapi_schema(**where)
        _, definitions = task_schemas()
        document["components"]["schemas"].update(definitions.get("$defs", {}))
        for operations in document["paths"].values():
            for operation in operations.values():
                _name_problems(operation["responses"])
        return document


class Page(DocsBase):
    """Swagger UI."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        """The page; its scripts are `assets`."""
        settings = {"url": self.get_openapi_url(api, kwargs), "layout": "BaseLayout", "deepLinking": True}
        return HttpResponse(PAGE % {"title": api.title, "settings": json.dumps(settings)})


@assets.get("/api/docs/{name}", include_in_schema=False)
def asset(request: HttpRequest, name: str) -> FileResponse:
    """One of the page's files."""
    if name not in ASSETS:
        raise Http404
    headers = {"Cache-Control": "max-age=86400"}
    return FileResponse((SHIPPED / name).open("rb"), content_type=ASSETS[name], headers=headers)


def parameters(model: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI is told of a query that `jobs.parameters` reads."""
    return {"parameters": [_parameter(model, name) for name in model.model_fields]}


def submit_documentation(task: Task[Any, Any]) -> dict[str, Any]:
    """What OpenAPI is told of a submit: its query and header, and the schemas of body and result to come."""
    schemas, _ = task_schemas()
    return {
        "parameters": [*parameters(SubmitParameters)["parameters"], ONCE],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schemas[task.name, "validation"]}},
        },
        "x-result": schemas[task.name, "serialization"],
    }


def task_schemas() -> tuple[dict[tuple[str, JsonSchemaMode], dict[str, Any]], dict[str, Any]]:
    """The schemas of all tasks, and the definitions that they share; equal names are told apart."""
    wanted: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = []
    for task in all_tasks():
        wanted.append((task.name, "validation", TypeAdapter(task.schema.input)))
        wanted.append((task.name, "serialization", task.schema.output))
    return TypeAdapter.json_schemas(wanted, ref_template=REF)


def _parameter(model: type[BaseModel], name: str) -> dict[str, Any]:
    said = dict(model.model_json_schema(ref_template=REF)["properties"][name])
    description = said.pop("description", "")
    if "anyOf" in said:  # None is a parameter that is not there
        said |= next(each for each in said.pop("anyOf") if each.get("type") != "null")
    if said.get("default", 0) in (None, []):
        del said["default"]
    required = model.model_fields[name].is_required()
    return {"in": "query", "name": name, "required": required, "description": description, "schema": said}


def _name_problems(responses: dict[int, Any]) -> None:
    """Give the error answers their media type; Ninja knows but one for a whole API."""
    for status, answer in responses.items():
        if status >= 400 and "application/json" in answer.get("content", {}):
            answer["content"] = {CONTENT_TYPE: answer["content"].pop("application/json")}
