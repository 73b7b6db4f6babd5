"""What documents the API: the catalogue, the OpenAPI document and its page."""

import json

import pytest

from tests.client import PROCESS, Client


@pytest.fixture
def client(api: str) -> Client:
    return Client(api)


def test_the_catalogue_shows_each_task_with_its_schemas(client):
    tasks = {task["name"]: task for task in client.get("/api/tasks/").json()["tasks"]}
    assert set(tasks) == {
        "process",
        "count_words",
        "digest_texts",
        "resize_image",
        "count_primes",
        "sum_invoices",
    }
    process = tasks["process"]
    assert (process["url"], process["queue"], process["summary"]) == (PROCESS, "celery", "Upper-case a text.")
    expected: dict[str, object] = {
        "max_attempts": 1, "retry_delay_seconds": 1.0, "time_limit_seconds": None, "key": [],
    }  # fmt: skip
    assert {name: process["options"][name] for name in expected} == expected
    assert process["input"]["properties"] == {"data": {"title": "Data", "type": "string"}}
    assert process["output"]["required"] == ["processed_data"]
    assert "job" not in tasks["count_primes"]["input"]["properties"]


def test_openapi_documents_each_task_by_its_own_schema(client):
    document = client.get("/api/openapi.json").json()
    submit = document["paths"][PROCESS]["post"]
    schema = submit["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/process"}
    assert submit["summary"] == "Upper-case a text."
    assert "application/problem+json" in submit["responses"]["422"]["content"]


def test_openapi_documents_what_a_submit_may_say(client):
    submit = client.get("/api/openapi.json").json()["paths"][PROCESS]["post"]
    told = {each["name"]: each for each in submit["parameters"]}
    assert list(told) == [
        "delay", "run_at", "expires", "priority", "key", "max_attempts", "time_limit", "soft_time_limit",
        "queue", "wait", "Idempotency-Key",
    ]  # fmt: skip
    assert told["priority"]["schema"] == {"title": "Priority", "type": "integer", "minimum": 0, "maximum": 9}
    assert not any(each["required"] for each in told.values())
    assert all(each["description"] for each in told.values())


def test_openapi_documents_every_parameter_of_a_list(client):
    listed = client.get("/api/openapi.json").json()["paths"]["/api/jobs/"]["get"]
    told = {each["name"]: each["schema"] for each in listed["parameters"]}
    assert list(told) == ["status", "queue", "task", "key", "limit", "cursor"]
    assert (told["limit"]["default"], told["limit"]["maximum"]) == (50, 200)
    assert told["status"]["items"] == {"$ref": "#/components/schemas/State"}


def test_every_reference_in_openapi_leads_somewhere(client):
    document = client.get("/api/openapi.json").json()
    wanted = {line.split('"')[1] for line in json.dumps(document).split('"$ref": ')[1:]}
    assert wanted
    assert {ref.rpartition("/")[2] for ref in wanted} <= set(document["components"]["schemas"])


def test_every_operation_in_openapi_has_a_name_of_its_own(client):
    paths = client.get("/api/openapi.json").json()["paths"]
    names = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert len(names) == len(set(names))
    by_custom = {"/livez", "/readyz", "/metrics", "/metrics/ledger"}
    assert {path for path in paths if not path.endswith("/")} == by_custom


def test_the_documentation_page_needs_no_other_server(client):
    page = client.get("/api/docs").body.decode()
    assert "//" not in page.replace("<!DOCTYPE html>", "")
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-init.js", "favicon.svg"):
        assert f"/api/docs/{name}" in page
        assert client.get(f"/api/docs/{name}").status == 200
