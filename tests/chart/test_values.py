"""What may be set, and what comes of a mistake."""

import json
import re

import pytest

from charts.model.write import CHART, FILES
from tests.chart.rendering import BAD, PRESETS, tool

pytestmark = pytest.mark.chart


@pytest.mark.parametrize("name", FILES)
def test_what_is_made_of_the_models_is_up_to_date(name):
    assert (CHART / name).read_text() == FILES[name](), "run make chart"


def test_the_schema_refers_to_nothing_outside_of_itself():
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert {found[:8] for found in re.findall(r'"\$ref": "([^"]*)"', json.dumps(schema))} == {"#/$defs/"}


def test_the_schema_describes_every_value():
    schema = json.loads((CHART / "values.schema.json").read_text())
    for name, group in {"Values": schema, **schema["$defs"]}.items():
        for field, what in group.get("properties", {}).items():
            of = schema["$defs"].get(what.get("$ref", "").removeprefix("#/$defs/"), {})
            assert "description" in what | of, f"{name}.{field}"


@pytest.mark.parametrize("path", [None, *PRESETS], ids=lambda path: path.name if path else "defaults")
def test_the_chart_passes_helm_s_strict_lint(path):
    done = tool("helm", "lint", "--strict", CHART, *(("--values", path) if path else ()))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_value_is_refused_in_a_line_that_says_what_to_set(path):
    expected = path.read_text().splitlines()[0].removeprefix("# expect: ")
    done = tool("helm", "template", "taskbell", CHART, "--values", path)
    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if expected in line]
