"""The models as files: values with comments, their JSON schema, and the chart's README."""

import json
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import Any

import yaml
from pydantic import BaseModel

from charts.model.api import Host
from charts.model.shape import Pod
from charts.model.values import Values

CHART = Path(__file__).resolve().parents[1] / "taskbell"
MADE = "Made by `make chart`; edit charts/model."
TABLE = "| value | default | what it is |\n| --- | --- | --- |\n"


def values_yaml() -> str:
    """`values.yaml`: every value with its default; a group that comes again has no comments again."""
    head = f"# {MADE}\n# `pod`, of all and of each component, takes what charts/taskbell/README.md lists.\n\n"
    return head + "\n".join(_yaml(Values(), 0, set())) + "\n"


def _yaml(shape: BaseModel, depth: int, told: set[type[BaseModel]]) -> Iterator[str]:
    pad, new = "  " * depth, type(shape) not in told
    told.add(type(shape))
    for name, field in type(shape).model_fields.items():
        value, key = getattr(shape, name), field.alias or name
        if value is None:
            continue
        if new and field.description:
            yield from (f"{pad}# {line}" for line in field.description.splitlines())
        if isinstance(value, BaseModel) and not isinstance(value, Pod):
            yield f"{pad}{key}:"
            yield from _yaml(value, depth + 1, told)
        else:
            yield f"{pad}{key}: {_inline(value, pad)}"
        if not depth:
            yield ""


def _inline(value: Any, pad: str) -> str:
    """JSON is YAML; a plain word needs no quotes, and what is long has lines of its own."""
    plain = _plain(value)
    if len(json.dumps(plain)) > 100:
        return "\n" + indent(yaml.safe_dump(plain, sort_keys=False), f"{pad}  ").rstrip()
    if isinstance(plain, str) and plain.replace("-", "").isalnum() and plain not in {"none", "null", "true"}:
        return plain
    return json.dumps(plain)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_defaults=not isinstance(value, Host))
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def schema_json() -> str:
    """`values.schema.json`: it refers to nothing outside of itself."""
    schema = Values.model_json_schema(by_alias=True)
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=1) + "\n"


def readme() -> str:
    """The chart's README: its opening is written by hand, the tables are made."""
    opening = (Path(__file__).parent / "README.head.md").read_text()
    parts = [opening, "## Values\n", TABLE + "".join(_rows(Values(), ""))]
    parts += [
        "## `pod`\n",
        "What every `pod` takes, and `worker.pools.*.pod`.\n",
        TABLE + "".join(_rows(Pod(), "")),
    ]
    return "\n".join(parts)


def _rows(shape: BaseModel, path: str) -> Iterator[str]:
    for name, field in type(shape).model_fields.items():
        value, key = getattr(shape, name), path + (field.alias or name)
        if isinstance(value, BaseModel) and not isinstance(value, Pod):
            yield from _rows(value, f"{key}.")
            continue
        shown = "" if value is None else f"`{json.dumps(_plain(value))}`".replace("|", "\\|")
        told = " ".join((field.description or "").split()).replace("|", "\\|")
        yield f"| `{key}` | {shown if len(shown) < 80 else 'see values.yaml'} | {told} |\n"


FILES = {"values.yaml": values_yaml, "values.schema.json": schema_json, "README.md": readme}
