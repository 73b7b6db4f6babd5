"""The reference pages agree with the code that they are about."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from jobs.ledger import NEXT, State
from tests.docs.pages import ROOT, page
from tests.docs.references import GENERATED, fresh
from tests.servers import environment

APP = ROOT / "app"
EVENT = re.compile(r"([a-z]+\.(?:[a-z_]+|%s))(?: |$)")
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error",
          "critical": "critical"}  # fmt: skip
UNIMPORTED = {
    "gunicorn": "a program of its own",
    "psycopg": "Django loads it where DATABASE_URL asks for PostgreSQL",
}
"""Runtime dependencies that no module of ours imports, each with the reason."""


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_table_is_up_to_date(name):
    assert page(name).text == fresh(name), "run PYTHONPATH=app .venv/bin/python -m tests.docs.references"


def test_each_setting_is_shown_under_the_variable_that_is_read():
    from project.settings import JOBS_VARIABLES  # it reads the environment

    rows = page("docs/reference/settings.md").table("## The platform")
    others = {"REDIS_URL": "CELERY_BROKER_URL", "TRACES": "OTEL_…"}
    assert {row[0].strip("`"): row[1].strip("`") for row in rows} == others | JOBS_VARIABLES


def test_every_variable_that_is_read_is_in_the_settings():
    sources = [APP / "project/settings.py", APP / "gunicorn.conf.py", APP / "flowerconfig.py"]
    reads = re.compile(r"(?:text|flag|secret|_redis_url|environ\.get)\(\s*\"([A-Z_]+)\"")
    read = {name for source in sources for name in reads.findall(source.read_text())}
    text = page("docs/reference/settings.md").text
    assert len(read) > 8
    assert {name for name in read if f"| `{name}` " not in text} == set()


def test_every_variable_of_the_compose_file_is_in_the_settings():
    compose = (ROOT / "docker-compose.yml").read_text()
    read = set(
        re.findall(r"\$\{([A-Z_]+)", compose) + re.findall(r"^ +(OTEL_[A-Z_]+):$", compose, re.MULTILINE)
    )
    _, _, told = page("docs/reference/settings.md").text.partition("## Compose")
    assert read == set(re.findall(r"`([A-Z_]{3,})`", told))


# The state machine


def test_the_state_diagram_is_the_ledgers_own_table():
    (diagram,) = page("docs/explanation/bell-and-ledger.md").blocks("mermaid")
    drawn = re.findall(r"^ +(\w+|\[\*\]) --> (\w+|\[\*\])", diagram.text, re.MULTILINE)
    moves = {(state.value, after.value) for state, then in NEXT.items() for after in then}
    ends = {(state.value, "[*]") for state in NEXT if state.is_final}
    assert set(drawn) == moves | ends | {("[*]", State.PENDING.value)}
    assert len(drawn) == len(set(drawn))


def test_the_api_and_the_glossary_name_every_state():
    shown = {row[0].strip("`") for row in page("docs/api.md").table("| status | means")}
    assert shown == {state.value for state in State}
    glossary = page("docs/reference/glossary.md").text
    assert all(f"`{state}`" in glossary for state in State)


# Log events


@dataclass(frozen=True)
class Logged:
    """One call of a logger."""

    place: str
    level: str
    """As its method says it; '' where that is not fixed."""
    text: str

    @property
    def event(self) -> str:
        found = EVENT.match(self.text)
        return found[1].replace("%s", "<state>") if found else ""

    @property
    def values(self) -> set[str]:
        return set(re.findall(r" (\w+)=", self.text))


def logged() -> Iterator[Logged]:
    """Every call of a logger in the platform's code."""
    for path in (APP / "jobs").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="logger"), attr=method), args=[*given]):
                    if method in {*LEVELS, "log"}:
                        text = ast.unparse(given[1 if method == "log" else 0]).strip("'\"")
                        yield Logged(f"{path.relative_to(APP)}:{node.lineno}", LEVELS.get(method, ""), text)


def test_every_line_of_the_log_is_an_event():
    assert [each for each in logged() if not each.event] == []


def test_every_event_is_documented_with_its_values_and_level():
    rows = page("docs/reference/log-events.md").table("## Events")
    shown = {row[0].strip("`"): set(filter(None, row[2].split(", "))) for row in rows}
    levels = {row[0].strip("`"): row[1] for row in rows}
    found: dict[str, set[str]] = defaultdict(set)
    for each in logged():
        found[each.event] |= each.values
    assert shown == found
    assert [each for each in logged() if each.level not in levels[each.event]] == []


# Dependencies


def test_every_dependency_says_why_it_is_this_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {"## Run": project["project"]["dependencies"], "## Dev": project["dependency-groups"]["dev"]}
    told = page("docs/adr/0008-dependencies.md")
    for heading, requirements in wanted.items():
        assert sorted(row[0].strip("`") for row in told.table(heading)) == names(requirements)


def test_a_dependency_that_runs_is_imported_or_says_why_not():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    modules = {
        "django-ninja": "ninja", "pillow": "PIL", "opentelemetry-api": "opentelemetry.trace",
        "opentelemetry-sdk": "opentelemetry.sdk",
        "opentelemetry-exporter-otlp-proto-http": "opentelemetry.exporter.otlp.proto.http",
    }  # fmt: skip
    source = "\n".join(path.read_text() for path in APP.rglob("*.py"))

    def is_imported(name: str) -> bool:
        module = modules.get(name, name.replace("-", "_"))
        return bool(re.search(rf"^\s*(?:import|from) {module}\b", source, re.MULTILINE))

    unused = {name for name in names(project["project"]["dependencies"]) if not is_imported(name)}
    assert unused == set(UNIMPORTED)


def names(requirements: list[str]) -> list[str]:
    return sorted(re.split(r"[\[<>=~! ]", requirement)[0] for requirement in requirements)


# The API


def test_every_route_has_its_part_in_the_api_page():
    program = (
        "import django; django.setup(); from jobs.api import api\n"
        "for path, operations in api.get_openapi_schema()['paths'].items():\n"
        "    for method in operations: print(method.upper(), path)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=APP, env=environment("redis://127.0.0.1:1/0", DJANGO_SETTINGS_MODULE="project.settings"),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    routes = {re.sub(r"(POST /api/tasks/)\w+/$", r"\1{name}/", line) for line in ran.stdout.splitlines()}
    headings = "\n".join(re.findall(r"^## .+$", page("docs/api.md").prose, re.MULTILINE))
    assert routes == set(re.findall(r"`((?:GET|POST|DELETE) /\S+)`", headings))
