"""What a task's schema takes, refuses and gives."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from jobs import Job
from jobs.errors import ArgumentsInvalid, BodyMalformed
from jobs.schema import Schema, place_of, read_schema


class Point(BaseModel):
    x: int
    y: int = 0


def area(
    points: list[Point], scale: Annotated[float, Field(gt=0)] = 1.0, name: str | None = None
) -> list[Point]:
    return points


def schema_of(function: Any) -> Schema:
    return read_schema(function, function.__name__, place=place_of(function), bound=False)


def test_a_body_becomes_the_arguments_that_its_sender_gave_and_no_others():
    assert schema_of(area).from_body(b'{"points": [{"x": 1}]}') == '{"points":[{"x":1}]}'


def test_what_the_ledger_keeps_becomes_the_functions_arguments_with_its_defaults():
    arguments = schema_of(area).parse('{"points": [{"x": 1}]}')
    assert arguments == {"points": [Point(x=1, y=0)], "scale": 1.0, "name": None}


def test_a_python_call_and_a_body_keep_the_same_arguments():
    schema = schema_of(area)
    assert schema.from_call([[Point(x=1)]], {"scale": 2}) == schema.from_body(
        b'{"points": [{"x": 1}], "scale": 2}'
    )


def test_a_python_call_that_does_not_fit_the_signature_fails_as_python_says_it():
    with pytest.raises(TypeError, match="missing a required argument: 'points'"):
        schema_of(area).from_call([], {})


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1,]", b"{'points': []}", b'{"points": "\xff"}', b"nul", b"{}{}"]
)
def test_a_body_that_is_no_json_is_malformed(body):
    with pytest.raises(BodyMalformed):
        schema_of(area).from_body(body)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"[]", []),
        (b"{}", ["points"]),
        (b'{"points": {}}', ["points"]),
        (b'{"points": [{"x": 1}, {"x": "a"}]}', ["points", 1, "x"]),
        (b'{"points": [{"x": 1.5}]}', ["points", 0, "x"]),
        (b'{"points": [], "scale": 0}', ["scale"]),
        (b'{"points": [], "scale": NaN}', ["scale"]),
        (b'{"points": [], "scale": Infinity}', ["scale"]),
        (b'{"points": [], "colour": "red"}', ["colour"]),
    ],
)
def test_arguments_that_do_not_fit_name_the_path_to_the_fault(body, where):
    with pytest.raises(ArgumentsInvalid) as refused:
        schema_of(area).from_body(body)
    assert [fault["loc"] for fault in refused.value.errors] == [where]


def test_a_refusal_shows_five_faults_and_counts_the_rest():
    body = b'{"points": [], ' + b", ".join(b'"f%d": 1' % n for n in range(7)) + b"}"
    with pytest.raises(ArgumentsInvalid, match=r"\(and 2 more\)") as refused:
        schema_of(area).from_body(body)
    assert len(refused.value.errors) == 7


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_a_number_that_json_has_not_gets_through_no_type(number):
    def anything(value: Any, values: list[float] | None = None) -> None: ...

    for body in (b'{"value": %s}', b'{"value": [{"deep": %s}]}', b'{"value": 1, "values": [%s]}'):
        with pytest.raises((ArgumentsInvalid, BodyMalformed)):
            schema_of(anything).from_body(body % number)


def test_the_text_nan_is_a_text():
    def anything(value: Any) -> None: ...

    assert schema_of(anything).from_body(b'{"value": "NaN"}') == '{"value":"NaN"}'


def test_a_result_is_dumped_by_its_return_type():
    def when() -> dict[str, datetime | timedelta]:
        return {}

    moment = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    assert schema_of(when).dump({"at": moment, "in": timedelta(minutes=1)}) == (
        b'{"at":"2026-01-02T03:04:00Z","in":"PT1M"}'
    )


def test_the_running_job_is_no_part_of_the_schema():
    def watched(job: Job, steps: int) -> None: ...

    schema = schema_of(watched)
    assert schema.takes_job
    assert list(schema.json_schema()["input"]["properties"]) == ["steps"]


def test_the_celery_task_is_no_part_of_the_schema():
    def bound(self, steps: int) -> None: ...

    schema = read_schema(bound, "bound", place="here", bound=True)
    assert list(schema.json_schema()["input"]["properties"]) == ["steps"]


def test_a_coroutine_function_is_known_as_one():
    async def later() -> None: ...

    assert schema_of(later).is_async
    assert not schema_of(area).is_async


def test_a_parameter_may_have_the_name_of_something_in_pydantic():
    def odd(json: str, copy: int, schema: str) -> None: ...

    assert schema_of(odd).parse('{"json": "a", "copy": 1, "schema": "b"}') == {
        "json": "a",
        "copy": 1,
        "schema": "b",
    }
